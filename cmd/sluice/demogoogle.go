package main

import "encoding/json"

// demoCall is one row of the Google Cloud tables, in templates.
type demoCall struct {
	service, method, resource, permission, category string
	monitored                                       string // type of the monitored resource; empty: audited_resource
	request                                         string // JSON; empty: none
}

// demoMonitored are the labels of monitored resources, beside project_id.
var demoMonitored = map[string]map[string]string{
	"gce_instance":      {"instance_id": "$number", "zone": "$zone"},
	"gce_firewall_rule": {"firewall_rule_id": "$number"},
	"gcs_bucket":        {"bucket_name": "$bucket", "location": "$region"},
	"bigquery_dataset":  {"dataset_id": "$dataset"},
	"k8s_cluster":       {"cluster_name": "$cluster", "location": "$region"},
	"service_account":   {"email_id": "$account@$project.iam.gserviceaccount.com", "unique_id": "$number"},
	"project":           {},
	"cloud_function":    {"function_name": "$function", "region": "$region"},
	"pubsub_topic":      {"topic_id": "projects/$project/topics/$topic"},
}

var demoActivityCalls = []demoCall{
	{"compute.googleapis.com", "v1.compute.instances.insert", "projects/$project/zones/$zone/instances/$instance", "compute.instances.create", "ADMIN_WRITE", "gce_instance", `{"@type":"type.googleapis.com/compute.instances.insert","name":"$instance","machineType":"projects/$project/zones/$zone/machineTypes/n2-standard-4"}`},
	{"compute.googleapis.com", "v1.compute.instances.delete", "projects/$project/zones/$zone/instances/$instance", "compute.instances.delete", "ADMIN_WRITE", "gce_instance", `{"@type":"type.googleapis.com/compute.instances.delete"}`},
	{"compute.googleapis.com", "v1.compute.instances.setMetadata", "projects/$project/zones/$zone/instances/$instance", "compute.instances.setMetadata", "ADMIN_WRITE", "gce_instance", `{"@type":"type.googleapis.com/compute.instances.setMetadata","fingerprint":"$span"}`},
	{"compute.googleapis.com", "v1.compute.firewalls.patch", "projects/$project/global/firewalls/$rule", "compute.firewalls.update", "ADMIN_WRITE", "gce_firewall_rule", `{"@type":"type.googleapis.com/compute.firewalls.patch","sourceRanges":["198.51.100.0/24"]}`},
	{"cloudresourcemanager.googleapis.com", "SetIamPolicy", "projects/$project", "resourcemanager.projects.setIamPolicy", "ADMIN_WRITE", "project", `{"@type":"type.googleapis.com/google.iam.v1.SetIamPolicyRequest","policy":{"bindings":[{"role":"$role","members":["user:$person2"]}]}}`},
	{"iam.googleapis.com", "google.iam.admin.v1.CreateServiceAccountKey", "projects/-/serviceAccounts/$account@$project.iam.gserviceaccount.com", "iam.serviceAccountKeys.create", "ADMIN_WRITE", "service_account", `{"@type":"type.googleapis.com/google.iam.admin.v1.CreateServiceAccountKeyRequest","private_key_type":2}`},
	{"iam.googleapis.com", "google.iam.admin.v1.DisableServiceAccount", "projects/-/serviceAccounts/$account@$project.iam.gserviceaccount.com", "iam.serviceAccounts.disable", "ADMIN_WRITE", "service_account", ""},
	{"storage.googleapis.com", "storage.buckets.update", "projects/_/buckets/$bucket", "storage.buckets.update", "ADMIN_WRITE", "gcs_bucket", ""},
	{"storage.googleapis.com", "storage.setIamPermissions", "projects/_/buckets/$bucket", "storage.buckets.setIamPolicy", "ADMIN_WRITE", "gcs_bucket", ""},
	{"container.googleapis.com", "google.container.v1.ClusterManager.UpdateNodePool", "projects/$project/locations/$region/clusters/$cluster/nodePools/main", "container.clusters.update", "ADMIN_WRITE", "k8s_cluster", `{"nodeVersion":"1.33.4-gke.1134000"}`},
	{"k8s.io", "io.k8s.apps.v1.deployments.patch", "apps/v1/namespaces/$namespace/deployments/$workload", "io.k8s.apps.v1.deployments.patch", "ADMIN_WRITE", "k8s_cluster", `{"spec":{"template":{"metadata":{"annotations":{"deploy.heronsgate.example/build":"$count"}}}}}`},
	{"bigquery.googleapis.com", "google.cloud.bigquery.v2.TableService.InsertTable", "projects/$project/datasets/$dataset/tables/$table", "bigquery.tables.create", "ADMIN_WRITE", "bigquery_dataset", ""},
	{"cloudfunctions.googleapis.com", "google.cloud.functions.v2.FunctionService.UpdateFunction", "projects/$project/locations/$region/functions/$function", "cloudfunctions.functions.update", "ADMIN_WRITE", "cloud_function", ""},
	{"pubsub.googleapis.com", "google.pubsub.v1.Publisher.CreateTopic", "projects/$project/topics/$topic", "pubsub.topics.create", "ADMIN_WRITE", "pubsub_topic", ""},
	{"secretmanager.googleapis.com", "google.cloud.secretmanager.v1.SecretManagerService.AddSecretVersion", "projects/$project/secrets/$secret", "secretmanager.versions.add", "ADMIN_WRITE", "", ""},
	{"logging.googleapis.com", "google.logging.v2.ConfigServiceV2.UpdateSink", "projects/$project/sinks/to-archive", "logging.sinks.update", "ADMIN_WRITE", "", `{"@type":"type.googleapis.com/google.logging.v2.UpdateSinkRequest","uniqueWriterIdentity":true}`},
	{"cloudkms.googleapis.com", "DestroyCryptoKeyVersion", "projects/$project/locations/$region/keyRings/$keyring/cryptoKeys/main/cryptoKeyVersions/3", "cloudkms.cryptoKeyVersions.destroy", "ADMIN_WRITE", "", ""},
}

var demoReadCalls = []demoCall{
	{"storage.googleapis.com", "storage.objects.get", "projects/_/buckets/$bucket/objects/$object", "storage.objects.get", "DATA_READ", "gcs_bucket", ""},
	{"storage.googleapis.com", "storage.objects.list", "projects/_/buckets/$bucket", "storage.objects.list", "DATA_READ", "gcs_bucket", ""},
	{"storage.googleapis.com", "storage.objects.create", "projects/_/buckets/$bucket/objects/$object", "storage.objects.create", "DATA_WRITE", "gcs_bucket", ""},
	{"bigquery.googleapis.com", "google.cloud.bigquery.v2.JobService.Query", "projects/$project/jobs/job_$span", "bigquery.jobs.create", "DATA_WRITE", "", `{"query":"SELECT status, COUNT(*) FROM $dataset.$table WHERE total < 100 GROUP BY status"}`},
	{"bigquery.googleapis.com", "google.cloud.bigquery.v2.TableDataService.List", "projects/$project/datasets/$dataset/tables/$table", "bigquery.tables.getData", "DATA_READ", "bigquery_dataset", ""},
	{"secretmanager.googleapis.com", "google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion", "projects/$project/secrets/$secret/versions/latest", "secretmanager.versions.access", "DATA_READ", "", ""},
	{"cloudresourcemanager.googleapis.com", "GetIamPolicy", "projects/$project", "resourcemanager.projects.getIamPolicy", "ADMIN_READ", "project", ""},
	{"k8s.io", "io.k8s.core.v1.secrets.list", "core/v1/namespaces/$namespace/secrets", "io.k8s.core.v1.secrets.list", "ADMIN_READ", "k8s_cluster", ""},
}

var demoSystemCalls = []demoCall{
	{"compute.googleapis.com", "compute.instances.migrateOnHostMaintenance", "projects/$project/zones/$zone/instances/$instance", "", "SYSTEM", "gce_instance", `{"@type":"type.googleapis.com/compute.instances.migrateOnHostMaintenance"}`},
	{"compute.googleapis.com", "compute.instances.preempted", "projects/$project/zones/$zone/instances/$instance", "", "SYSTEM", "gce_instance", `{"@type":"type.googleapis.com/compute.instances.preempted"}`},
	{"compute.googleapis.com", "compute.instances.automaticRestart", "projects/$project/zones/$zone/instances/$instance", "", "SYSTEM", "gce_instance", ""},
	{"compute.googleapis.com", "ScheduledVMs", "projects/$project/zones/$zone/instances/$instance", "", "SYSTEM", "gce_instance", `{"requestId":"$uuid"}`},
}

var demoPolicyCalls = []demoCall{
	{"storage.googleapis.com", "google.storage.objects.get", "projects/_/buckets/$bucket", "", "POLICY", "", ""},
	{"bigquery.googleapis.com", "google.cloud.bigquery.v2.JobService.InsertJob", "projects/$project", "", "POLICY", "", ""},
	{"secretmanager.googleapis.com", "google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion", "projects/$project/secrets/$secret", "", "POLICY", "", ""},
}

func demoGoogleKinds() []demoKind {
	return []demoKind{
		{470, demoCalls(demoActivityCalls)},
		{360, demoCalls(demoReadCalls)},
		{30, demoGoogleLogin},
		{80, demoCalls(demoSystemCalls)},
		{50, demoCalls(demoPolicyCalls)},
	}
}

// demoCalls makes entries of the rows of a table, each as likely as the others.
func demoCalls(rows []demoCall) func(*demoScene) demoObject {
	return func(s *demoScene) demoObject { return rows[s.below(len(rows))].entry(s) }
}

func (c demoCall) entry(s *demoScene) demoObject {
	a := demoAudit{
		parent: s.text("projects/$project"), category: c.category, service: c.service, method: c.method,
		resource: s.text(c.resource), permission: c.permission,
		email: s.text("$person"), ip: s.text("$ip"), agent: s.text("$agent"), monitored: c.resourceOf(s),
	}
	if s.chance(45) {
		a.email = s.text("$robot")
	}
	if c.request != "" {
		a.request = s.json(c.request)
	}
	switch {
	case c.category == "SYSTEM":
		a.email, a.ip, a.agent = "system@google.com", "", ""
	case c.category == "POLICY":
		a.code, a.message, a.metadata = 7, "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: "+s.text("$span"), s.perimeter()
	case s.chance(5):
		a.code, a.message = 7, "Permission '"+c.permission+"' denied on resource (or it may not exist)."
	}
	e := a.entry(stamp(s.at), s.text("$span2"))
	e["receiveTimestamp"] = stamp(s.received)
	if c.service == "compute.googleapis.com" {
		e["operation"] = s.json(`{"id":"operation-$number2-$span3","producer":"compute.googleapis.com","first":true,"last":true}`)
	}
	return e
}

// resourceOf makes the monitored resource, or nil for audited_resource.
func (c demoCall) resourceOf(s *demoScene) demoObject {
	if c.monitored == "" {
		return nil
	}
	labels := demoObject{"project_id": s.text("$project")}
	for _, name := range sortedKeys(demoMonitored[c.monitored]) {
		labels[name] = s.text(demoMonitored[c.monitored][name])
	}
	return demoObject{"type": c.monitored, "labels": labels}
}

// perimeter is what VPC Service Controls tells of a refused call.
func (s *demoScene) perimeter() json.RawMessage {
	return s.json(`{"@type":"type.googleapis.com/google.cloud.audit.VpcServiceControlAuditMetadata","violationReason":"NO_MATCHING_ACCESS_LEVEL",` +
		`"vpcServiceControlsUniqueId":"$span","securityPolicyInfo":{"organizationId":"` + demoOrganization + `","servicePerimeterName":"` + demoAccessPolicy + `/servicePerimeters/data"}}`)
}

// demoGoogleLogin is a sign-in of a person, which Google keeps in the organization's data_access log.
func demoGoogleLogin(s *demoScene) demoObject {
	a := demoAudit{
		parent: "organizations/" + demoOrganization, category: "LOGIN", service: "login.googleapis.com",
		method: "google.login.LoginService.loginSuccess", resource: "organizations/" + demoOrganization,
		email: s.text("$person"), ip: s.text("$publicip"),
		metadata: s.json(`{"@type":"type.googleapis.com/ccc_hosted_reporting.ActivityProto","event":[{"eventName":"login_success","eventType":"login"}]}`),
	}
	if s.chance(20) {
		a.method, a.code, a.message = "google.login.LoginService.loginFailure", 16, "login failure"
		a.metadata = s.json(`{"@type":"type.googleapis.com/ccc_hosted_reporting.ActivityProto","event":[{"eventName":"login_failure","eventType":"login"}]}`)
	}
	e := a.entry(stamp(s.at), s.text("$span"))
	e["receiveTimestamp"] = stamp(s.received)
	return e
}
