package main

// The invented company: Heronsgate, with a web shop, payments, a data platform and two machine learning projects. Addresses are
// from the ranges that are kept for documentation.

const (
	demoOrganization      = "418820067315"
	demoAccessPolicy      = "accessPolicies/771400218653"
	demoDatabricksAccount = "6f0d2b41-93c7-4c58-8a0e-2d7bb15e9f63"
	demoCircleCIOrg       = "0b9e6c7a-41d5-4f2f-9a37-c8f1e2d46b05"
	demoWandbOrg          = "heronsgate"
)

// demoWords are the words that templates may ask for with $name.
var demoWords = map[string][]string{
	"person": {
		"ines.moreau@heronsgate.example", "tomasz.wilk@heronsgate.example", "adaeze.obi@heronsgate.example",
		"lars.holm@heronsgate.example", "mei.tanaka@heronsgate.example", "rafael.souza@heronsgate.example",
		"priya.nair@heronsgate.example", "jonas.keller@heronsgate.example", "zoë.dubois@heronsgate.example",
		"samir.haddad@heronsgate.example", "freya.lund@heronsgate.example", "noah.brandt@heronsgate.example",
		"contractor+vela@vela-consulting.example",
	},
	"robot": {
		"terraform@heron-ops.iam.gserviceaccount.com", "trainer@heron-ml-prod.iam.gserviceaccount.com",
		"scorer@heron-ml-prod.iam.gserviceaccount.com", "loader@heron-data.iam.gserviceaccount.com",
		"checkout@heron-web-prod.iam.gserviceaccount.com", "ledger@heron-pay.iam.gserviceaccount.com",
		"ci-deploy@heron-ops.iam.gserviceaccount.com",
	},
	"project":   {"heron-web-prod", "heron-web-stage", "heron-pay", "heron-data", "heron-ops"},
	"mlproject": {"heron-ml-prod", "heron-ml-lab"},
	"zone":      {"europe-west1-b", "europe-west1-c", "europe-west4-a", "us-east1-d"},
	"region":    {"europe-west1", "europe-west4", "us-east1"},
	"ip": {
		"198.51.100.17", "198.51.100.44", "198.51.100.201", "203.0.113.9", "203.0.113.77", "203.0.113.130",
		"192.0.2.61", "192.0.2.118", "2001:db8:4a::17", "2001:db8:4a::c2", "private", "gce-internal-ip",
	},
	"publicip": {"198.51.100.17", "198.51.100.88", "203.0.113.54", "203.0.113.219", "192.0.2.33", "192.0.2.240", "2001:db8:9::5"},
	"agent": {
		"google-cloud-sdk gcloud/561.0.0 environment/None interactive/True",
		"grpc-python/1.71.0 grpc-c/46.0.0 (linux; chttp2)", "google-api-go-client/0.5 Terraform/1.12.2",
		"Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0,gzip(gfe)",
		"grpc-go/1.76.0", "python-aiplatform/1.118.0 gl-python/3.12.9 grpc/1.71.0",
	},
	"browser": {
		"Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", "curl/8.12.1",
	},
	"instance":   {"web-7f2c", "web-a91d", "batch-03", "batch-04", "bastion-1", "kafka-2", "gpu-trainer-5"},
	"bucket":     {"heron-receipts", "heron-exports", "heron-training-images", "heron-terraform-state", "heron-backups"},
	"object":     {"2026/03/02/part-0007.parquet", "2026/03/03/part-0012.parquet", "models/ranker/v14/saved_model.pb", "invoices/INV-20931.pdf", "état/février.csv"},
	"dataset":    {"orders", "finance", "clickstream", "ml_features"},
	"table":      {"order_lines", "refunds", "sessions", "customer_features", "ledger_daily"},
	"secret":     {"stripe-api-key", "db-password", "wandb-token", "signing-key"},
	"account":    {"checkout", "loader", "trainer", "ledger", "backup"},
	"role":       {"roles/viewer", "roles/storage.objectViewer", "roles/owner", "roles/bigquery.dataEditor", "roles/iam.serviceAccountUser"},
	"cluster":    {"shop-eu", "shop-us", "pay-eu"},
	"namespace":  {"default", "checkout", "search", "payments"},
	"workload":   {"cart", "checkout", "search-api", "payments-worker"},
	"rule":       {"allow-lb", "allow-iap-ssh", "deny-egress"},
	"function":   {"resize-image", "send-receipt", "sync-stock"},
	"topic":      {"orders", "refunds", "stock-levels"},
	"keyring":    {"shop", "payments"},
	"model":      {"4401287755", "4401288912", "7720031846"},
	"endpoint":   {"1190455238", "1190457701"},
	"vertexjob":  {"5527001", "5527038", "5527114", "5527290"},
	"pipeline":   {"ranker-nightly-20260302", "fraud-weekly-0310", "embeddings-20260303"},
	"view":       {"customer_view", "basket_view"},
	"publisher":  {"gemini-2.5-flash", "gemini-2.5-pro", "text-embedding-005"},
	"workspace":  {"3305182776401925", "3305182776401926", "7140093328815502"},
	"warehouse":  {"b3f0a91c7d2e4f58", "e71c04d98a6b2f13"},
	"dbxjob":     {"88120417", "88120433", "91002765"},
	"dbxcluster": {"0302-081512-k2v9wq1a", "0303-140227-h7x3mm0c"},
	"notebook":   {"412200933108", "412200933240"},
	"path":       {"/Shared/forecast/weekly", "/Users/mei.tanaka/scratch", "/Repos/data/etl"},
	"fulltable":  {"main.finance.ledger_daily", "main.orders.order_lines", "lab.scratch.sessions"},
	"scope":      {"prod-keys", "lab-keys"},
	"key":        {"warehouse-token", "sftp-password", "wandb-api-key"},
	"dbxagent":   {"databricks-cli/0.246.0 databricks-sdk-go/0.62.0", "Apache-HttpClient/4.5.14 (Java/17.0.14)", "Mozilla/5.0 (X11; Linux x86_64)"},
	"wbteam":     {"vision", "ranking", "fraud"},
	"wbproject":  {"basket-ranker", "receipt-ocr", "chargeback"},
	"wbversion":  {"0.19.8", "0.21.0", "0.21.3"},
	"ccproject":  {"shop-frontend", "payments", "feature-store", "infra"},
	"cccontext":  {"deploy-prod", "deploy-stage", "docker-hub"},
	"ccbranch":   {"main", "release-41", "fix/rounding"},
	"ccjob":      {"test", "build-image", "deploy", "lint"},
	"envvar":     {"DOCKER_TOKEN", "AWS_ROLE", "SENTRY_DSN"},
	"order":      {"A-771204", "A-771391", "A-772018", "B-010447"},
	"page":       {"/", "/basket", "/checkout", "/search?q=kettle", "/account/orders", "/api/v2/stock"},
	"amount":     {"12.90", "48.00", "219.95", "7.49"},
}
