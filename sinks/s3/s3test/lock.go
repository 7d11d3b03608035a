package s3test

import (
	"encoding/xml"
	"net/http"
)

// lock tells of the bucket's Object Lock. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLockConfiguration.html
func (b *bucket) lock(w http.ResponseWriter, r *http.Request) {
	type retention struct {
		Mode  string
		Days  int `xml:",omitempty"`
		Years int `xml:",omitempty"`
	}
	type rule struct{ DefaultRetention retention }
	type answer struct {
		XMLName           xml.Name `xml:"ObjectLockConfiguration"`
		ObjectLockEnabled string
		Rule              *rule `xml:",omitempty"`
	}
	switch b.Lock {
	case "":
		fail(w, r, http.StatusNotFound, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")
	case "enabled":
		reply(w, http.StatusOK, answer{ObjectLockEnabled: "Enabled"})
	default:
		reply(w, http.StatusOK, answer{ObjectLockEnabled: "Enabled", Rule: &rule{retention{b.Lock, b.Days, b.Years}}})
	}
}
