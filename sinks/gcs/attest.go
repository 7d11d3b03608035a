package gcs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/storage"

	"sluice/sinks/driver"
)

// The rights that matter. https://docs.cloud.google.com/storage/docs/access-control/iam-permissions
const (
	mayCreate = "storage.objects.create"
	mayDelete = "storage.objects.delete"
	mayGet    = "storage.objects.get"
)

// softDelete is the least time in which a deletion can be undone, where the retention policy is not locked: the service's default.
const softDelete = 7 * driver.Day

// Attest compares the demands of retention and kmsKey with the bucket, and looks at the rights. It needs storage.buckets.get;
// without that the settings are a shortfall where something is demanded. A bucket with a retention policy cannot have Object
// Versioning (https://docs.cloud.google.com/storage/docs/bucket-lock), so that is not asked for.
func (o *Options) Attest(ctx context.Context) ([]driver.Finding, error) {
	c := client{options: *o}
	defer c.close()
	bucket, err := c.bucket()
	if err != nil {
		return nil, classify(ctx, o.Bucket, new(session), err)
	}
	attrs, err := bucket.Attrs(ctx)
	switch {
	case errors.Is(err, storage.ErrBucketNotExist):
		return []driver.Finding{{
			What: "bucket", Want: "exists", Have: "there is none", Remedy: "create it, or correct bucket",
			Pauses: !o.Retention.Demanding() && o.KMSKey == "", // else it might be made without them
		}}, nil
	case err != nil && !forbidden(err):
		return nil, classify(ctx, o.Bucket, new(session), fmt.Errorf("read the bucket's settings: %w", err))
	}
	var findings []driver.Finding
	if err != nil {
		findings = o.unreadable()
	} else {
		findings = o.settings(attrs)
	}
	rights, err := bucket.IAM().TestPermissions(ctx, []string{mayCreate, mayDelete, mayGet})
	if err != nil {
		return nil, classify(ctx, o.Bucket, new(session), fmt.Errorf("ask for the rights: %w", err))
	}
	return append(findings, o.rights(rights)...), nil
}

// unreadable: what cannot be seen is not attested.
func (o *Options) unreadable() []driver.Finding {
	f := driver.Finding{What: "bucket settings", Have: "not readable", OK: true}
	if o.Retention.Demanding() || o.KMSKey != "" {
		f.Want, f.OK = "readable, to be attested", false
		f.Remedy = "grant storage.buckets.get (roles/storage.bucketViewer)"
	}
	return []driver.Finding{f}
}

func (o *Options) settings(attrs *storage.BucketAttrs) []driver.Finding {
	var findings []driver.Finding
	if o.Retention.Demanding() {
		findings = append(findings, o.period(attrs.RetentionPolicy), o.lock(attrs.RetentionPolicy))
		if !o.Retention.Locked {
			findings = append(findings, softDeletion(attrs.SoftDeletePolicy))
		}
	}
	return append(findings, o.key(attrs.Encryption))
}

func (o *Options) period(policy *storage.RetentionPolicy) driver.Finding {
	want := max(o.Retention.AtLeast, driver.Period(time.Second))
	f := driver.Finding{What: "retention period", Want: "at least " + want.String(), Have: "none"}
	if policy != nil {
		have := driver.Period(policy.RetentionPeriod)
		f.Have, f.OK = have.String(), have >= want
	}
	if !f.OK {
		f.Remedy = fmt.Sprintf("gcloud storage buckets update gs://%s --retention-period=%s", o.Bucket, want)
	}
	return f
}

func (o *Options) lock(policy *storage.RetentionPolicy) driver.Finding {
	f := driver.Finding{What: "retention lock", Have: "not locked", OK: !o.Retention.Locked}
	if o.Retention.Locked {
		f.Want = "locked"
		f.Remedy = fmt.Sprintf("gcloud storage buckets update gs://%s --lock-retention-period (cannot be undone)", o.Bucket)
	}
	if policy != nil && policy.IsLocked {
		f.Have, f.OK, f.Remedy = "locked", true, ""
	}
	return f
}

func softDeletion(policy *storage.SoftDeletePolicy) driver.Finding {
	f := driver.Finding{What: "soft delete", Want: "at least " + driver.Period(softDelete).String() + ", as the retention policy may be lifted", Have: "off"}
	if policy != nil && policy.RetentionDuration > 0 {
		f.Have, f.OK = driver.Period(policy.RetentionDuration).String(), policy.RetentionDuration >= softDelete
	}
	if !f.OK {
		f.Remedy = "lock the retention policy and demand locked: true, or give the bucket a soft delete policy of 7 days"
	}
	return f
}

// key: an object gets kmsKey by name; the bucket's default, for what others write there, must not be another.
func (o *Options) key(encryption *storage.BucketEncryption) driver.Finding {
	f := driver.Finding{What: "default key", Have: "Google's own", OK: true}
	if encryption != nil && encryption.DefaultKMSKeyName != "" {
		f.Have = encryption.DefaultKMSKeyName
	}
	if o.KMSKey != "" {
		f.Want = o.KMSKey
		f.OK = f.Have == o.KMSKey
	}
	if !f.OK {
		f.Remedy = "make kmsKey the bucket's default key, so that all that stands there is under it"
	}
	return f
}

func (o *Options) rights(granted []string) []driver.Finding {
	create := driver.Finding{What: mayCreate, Want: "granted", Have: "granted", OK: slices.Contains(granted, mayCreate), Pauses: true}
	if !create.OK {
		create.Have, create.Remedy = "refused", "grant roles/storage.objectCreator"
	}
	remove := driver.Finding{What: mayDelete, Have: "refused", OK: true}
	if o.Retention.Demanding() {
		remove.Want = "refused"
	}
	if slices.Contains(granted, mayDelete) {
		remove.Have, remove.OK = "granted", remove.Want == ""
	}
	if !remove.OK {
		remove.Remedy = "grant no role that may delete or replace: roles/storage.objectCreator and roles/storage.objectViewer suffice"
	}
	get := driver.Finding{What: mayGet, Have: "granted: what exists is compared", OK: true}
	if !slices.Contains(granted, mayGet) {
		get.Have = "refused: what exists is trusted where it may be our own"
	}
	return []driver.Finding{create, remove, get}
}
