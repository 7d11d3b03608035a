package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/sinks/driver"
)

// Attest compares the demands of retention with the bucket's Object Lock: its default retention, which every object gets that is put
// there. Locked is the mode COMPLIANCE, in which nobody, the account's root user included, deletes a version or shortens its time.
// Object Lock goes with versioning, so that an overwrite destroys nothing either. It needs s3:GetBucketObjectLockConfiguration;
// without that the settings are a shortfall where something is demanded.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
func (o *Options) Attest(ctx context.Context) ([]driver.Finding, error) {
	c := client{options: *o}
	defer c.close()
	api, err := c.api(ctx)
	if err != nil {
		return nil, classify(ctx, o, err)
	}
	got, err := api.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{
		Bucket: &o.Bucket, ExpectedBucketOwner: optional(o.ExpectedBucketOwner),
	})
	switch {
	case coded(err, "NoSuchBucket"):
		return []driver.Finding{{
			What: "bucket", Want: "exists", Have: "there is none", Remedy: "create it, or correct bucket",
			Pauses: !o.Retention.Demanding(), // else it might be made without Object Lock
		}}, nil
	case coded(err, "AccessDenied", "NotImplemented", "MethodNotAllowed"):
		return []driver.Finding{o.unseen()}, nil
	case coded(err, "ObjectLockConfigurationNotFoundError"):
		return o.settings(types.DefaultRetention{}), nil
	case err != nil:
		return nil, classify(ctx, o, fmt.Errorf("read the bucket's Object Lock: %w", err))
	}
	if l := got.ObjectLockConfiguration; l != nil && l.ObjectLockEnabled == types.ObjectLockEnabledEnabled && l.Rule != nil && l.Rule.DefaultRetention != nil {
		return o.settings(*l.Rule.DefaultRetention), nil
	}
	return o.settings(types.DefaultRetention{}), nil
}

// unseen: what cannot be seen is not attested.
func (o *Options) unseen() driver.Finding {
	f := driver.Finding{What: "object lock", Have: "not readable", OK: true}
	if o.Retention.Demanding() {
		f.Want, f.OK = "readable, to be attested", false
		f.Remedy = "grant s3:GetBucketObjectLockConfiguration on arn:aws:s3:::" + o.Bucket
	}
	return f
}

// settings judges the default retention; its zero value is none.
func (o *Options) settings(now types.DefaultRetention) []driver.Finding {
	have := driver.Period(time.Duration(aws.ToInt32(now.Years))*driver.Year + time.Duration(aws.ToInt32(now.Days))*driver.Day)
	period := driver.Finding{What: "default retention", Have: "none", OK: true}
	if have > 0 {
		period.Have = have.String()
	}
	lock := driver.Finding{What: "retention mode", Have: "none", OK: true}
	if now.Mode != "" {
		lock.Have = string(now.Mode)
	}
	if !o.Retention.Demanding() {
		return []driver.Finding{period, lock}
	}
	want := max(o.Retention.AtLeast, driver.Period(time.Second))
	period.Want, period.OK = "at least "+want.String(), have >= want
	if o.Retention.Locked {
		lock.Want, lock.OK = string(types.ObjectLockRetentionModeCompliance), now.Mode == types.ObjectLockRetentionModeCompliance
	}
	for _, f := range []*driver.Finding{&period, &lock} {
		if !f.OK {
			f.Remedy = o.remedy(want)
		}
	}
	return []driver.Finding{period, lock}
}

// remedy is the command that makes the default retention what is demanded.
func (o *Options) remedy(want driver.Period) string {
	mode := types.ObjectLockRetentionModeGovernance
	if o.Retention.Locked {
		mode = types.ObjectLockRetentionModeCompliance
	}
	length := fmt.Sprintf("Days=%d", (time.Duration(want)+driver.Day-1)/driver.Day)
	if years := time.Duration(want) / driver.Year; time.Duration(want)%driver.Year == 0 {
		length = fmt.Sprintf("Years=%d", years)
	}
	return fmt.Sprintf("aws s3api put-object-lock-configuration --bucket %s --object-lock-configuration "+
		"'ObjectLockEnabled=Enabled,Rule={DefaultRetention={Mode=%s,%s}}'", o.Bucket, mode, length)
}
