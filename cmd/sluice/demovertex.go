package main

// The Vertex AI tables: reads, which teams like to keep out of their archive, then what changes something.

var demoVertexReadCalls = []demoCall{
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.PredictionService.Predict", "projects/$mlproject/locations/$region/endpoints/$endpoint", "aiplatform.endpoints.predict", "DATA_READ", "", `{"@type":"type.googleapis.com/google.cloud.aiplatform.v1.PredictRequest","endpoint":"projects/$mlproject/locations/$region/endpoints/$endpoint"}`},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.PredictionService.GenerateContent", "projects/$mlproject/locations/$region/publishers/google/models/$publisher", "aiplatform.endpoints.predict", "DATA_READ", "", `{"@type":"type.googleapis.com/google.cloud.aiplatform.v1.GenerateContentRequest","model":"projects/$mlproject/locations/$region/publishers/google/models/$publisher"}`},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.FeatureOnlineStoreService.FetchFeatureValues", "projects/$mlproject/locations/$region/featureOnlineStores/shop/featureViews/$view", "aiplatform.featureViews.fetchFeatureValues", "DATA_READ", "", `{"@type":"type.googleapis.com/google.cloud.aiplatform.v1.FetchFeatureValuesRequest","dataKey":{"key":"customer-$count"}}`},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.ModelService.GetModel", "projects/$mlproject/locations/$region/models/$model", "aiplatform.models.get", "ADMIN_READ", "", ""},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.JobService.GetCustomJob", "projects/$mlproject/locations/$region/customJobs/$vertexjob", "aiplatform.customJobs.get", "ADMIN_READ", "", ""},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.JobService.ListCustomJobs", "projects/$mlproject/locations/$region", "aiplatform.customJobs.list", "ADMIN_READ", "", `{"@type":"type.googleapis.com/google.cloud.aiplatform.v1.ListCustomJobsRequest","pageSize":50}`},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.PipelineService.GetPipelineJob", "projects/$mlproject/locations/$region/pipelineJobs/$pipeline", "aiplatform.pipelineJobs.get", "ADMIN_READ", "", ""},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1beta1.MetadataService.QueryContextLineageSubgraph", "projects/$mlproject/locations/$region/metadataStores/default/contexts/$pipeline", "aiplatform.contexts.queryContextLineageSubgraph", "ADMIN_READ", "", ""},
}

var demoVertexWriteCalls = []demoCall{
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.FeaturestoreOnlineServingService.WriteFeatureValues", "projects/$mlproject/locations/$region/featurestores/shop/entityTypes/customer", "aiplatform.entityTypes.writeFeatureValues", "DATA_WRITE", "", ""},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.TensorboardService.WriteTensorboardRunData", "projects/$mlproject/locations/$region/tensorboards/88/experiments/ranker/runs/$count", "aiplatform.tensorboardRuns.write", "DATA_WRITE", "", ""},
}

var demoVertexAdminCalls = []demoCall{
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.JobService.CreateCustomJob", "projects/$mlproject/locations/$region", "aiplatform.customJobs.create", "ADMIN_WRITE", "", `{"@type":"type.googleapis.com/google.cloud.aiplatform.v1.CreateCustomJobRequest","customJob":{"displayName":"$pipeline"}}`},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.JobService.CancelCustomJob", "projects/$mlproject/locations/$region/customJobs/$vertexjob", "aiplatform.customJobs.cancel", "ADMIN_WRITE", "", ""},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.EndpointService.DeployModel", "projects/$mlproject/locations/$region/endpoints/$endpoint", "aiplatform.endpoints.deploy", "ADMIN_WRITE", "", `{"@type":"type.googleapis.com/google.cloud.aiplatform.v1.DeployModelRequest","deployedModel":{"model":"projects/$mlproject/locations/$region/models/$model"}}`},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.ModelService.UploadModel", "projects/$mlproject/locations/$region", "aiplatform.models.upload", "ADMIN_WRITE", "", `{"@type":"type.googleapis.com/google.cloud.aiplatform.v1.UploadModelRequest","model":{"displayName":"ranker","artifactUri":"gs://$bucket/models/ranker/v14"}}`},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.ModelService.DeleteModel", "projects/$mlproject/locations/$region/models/$model", "aiplatform.models.delete", "ADMIN_WRITE", "", ""},
	{"aiplatform.googleapis.com", "google.cloud.aiplatform.v1.PipelineService.CreatePipelineJob", "projects/$mlproject/locations/$region/pipelineJobs/$pipeline", "aiplatform.pipelineJobs.create", "ADMIN_WRITE", "", ""},
}

func demoVertexKinds() []demoKind {
	return []demoKind{
		{480, demoVertexCalls(demoVertexReadCalls)},
		{40, demoVertexCalls(demoVertexWriteCalls)},
		{160, demoVertexCalls(demoVertexAdminCalls)},
	}
}

// demoVertexCalls makes entries of the machine learning projects.
func demoVertexCalls(rows []demoCall) func(*demoScene) demoObject {
	build := demoCalls(rows)
	return func(s *demoScene) demoObject {
		s.set("project", s.text("$mlproject"))
		return build(s)
	}
}
