package logentry

// Segment is one key of a path. Fold makes the comparison ignore case and underscores, as for the field names of LogEntry and
// AuditLog (insert_id = insertId); an exactly equal key then wins over a folded one. Keys of maps and of jsonPayload are exact.
type Segment struct {
	Key  string
	Fold bool
}

// Path names a field by its keys from the top, so that keys with dots and slashes need no escaping: labels, "k8s-pod/app".
// Steps distribute over arrays: authorizationInfo.permission is the permission of every member.
type Path []Segment
