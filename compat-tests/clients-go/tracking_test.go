package clients

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/databricks/databricks-sdk-go/service/ml"
)

const start = 1_700_000_000_000

func newExperiment(t *testing.T, name string) string {
	t.Helper()
	return must(experiments.CreateExperiment(t.Context(), ml.CreateExperiment{Name: unique(name)}))(t).ExperimentId
}

func newRun(t *testing.T, experiment string) *ml.RunInfo {
	t.Helper()
	request := ml.CreateRun{ExperimentId: experiment, RunName: "first", StartTime: start}
	return must(experiments.CreateRun(t.Context(), request))(t).Run.Info
}

func TestExperimentFromCreationToRestoration(t *testing.T) {
	ctx, api := t.Context(), experiments
	id, name := newExperiment(t, "life"), unique("renamed")
	done(t, api.UpdateExperiment(ctx, ml.UpdateExperiment{ExperimentId: id, NewName: name}))
	done(t, api.SetExperimentTag(ctx, ml.SetExperimentTag{ExperimentId: id, Key: "team", Value: "fraud"}))
	found := must(api.GetByName(ctx, ml.GetByNameRequest{ExperimentName: name}))(t).Experiment
	equal(t, found.ExperimentId, id)
	equal(t, found.Tags[0].Key+"="+found.Tags[0].Value, "team=fraud")

	done(t, api.DeleteExperiment(ctx, ml.DeleteExperiment{ExperimentId: id}))
	deleted := must(api.GetExperiment(ctx, ml.GetExperimentRequest{ExperimentId: id}))(t).Experiment
	equal(t, deleted.LifecycleStage, "deleted")
	done(t, api.RestoreExperiment(ctx, ml.RestoreExperiment{ExperimentId: id}))
	restored := must(api.GetExperiment(ctx, ml.GetExperimentRequest{ExperimentId: id}))(t).Experiment
	equal(t, restored.LifecycleStage, "active")
}

func TestExperimentsAreFoundPageByPage(t *testing.T) {
	ctx, prefix := t.Context(), unique("search")
	for _, letter := range []string{"b", "c", "a"} {
		must(experiments.CreateExperiment(ctx, ml.CreateExperiment{Name: prefix + letter}))(t)
	}
	// The client follows the page tokens by itself.
	found := must(experiments.SearchExperimentsAll(ctx, ml.SearchExperiments{
		Filter: "name LIKE '" + prefix + "%'", OrderBy: []string{"name DESC"}, MaxResults: 2, ViewType: ml.ViewTypeActiveOnly,
	}))(t)
	var names []string
	for _, experiment := range found {
		names = append(names, strings.TrimPrefix(experiment.Name, prefix))
	}
	equalText(t, names, []string{"c", "b", "a"})
}

func TestRunFromItsStartToItsEnd(t *testing.T) {
	ctx, api := t.Context(), experiments
	id := newRun(t, newExperiment(t, "run")).RunId
	for step, value := range []float64{0.5, 0.25} {
		done(t, api.LogMetric(ctx, ml.LogMetric{
			RunId: id, Key: "loss", Value: value, Timestamp: start, Step: int64(step),
		}))
	}
	done(t, api.LogParam(ctx, ml.LogParam{RunId: id, Key: "depth", Value: "7"}))
	done(t, api.SetTag(ctx, ml.SetTag{RunId: id, Key: "note", Value: "größer 模型 🦊"}))
	done(t, api.LogBatch(ctx, ml.LogBatch{
		RunId:   id,
		Metrics: []ml.Metric{{Key: "auc", Value: 0.9, Timestamp: start, Step: 3}},
		Params:  []ml.Param{{Key: "trees", Value: "100"}},
		Tags:    []ml.RunTag{{Key: "passing", Value: "by"}},
	}))
	done(t, api.DeleteTag(ctx, ml.DeleteTag{RunId: id, Key: "passing"}))
	done(t, api.LogInputs(ctx, ml.LogInputs{RunId: id, Datasets: []ml.DatasetInput{{
		Dataset: ml.Dataset{Name: "claims", Digest: "d1", SourceType: "local", Source: "/claims.csv"},
		Tags:    []ml.InputTag{{Key: "mlflow.data.context", Value: "training"}},
	}}}))
	ended := must(api.UpdateRun(ctx, ml.UpdateRun{RunId: id, Status: ml.UpdateRunStatusFinished, EndTime: start + 60_000}))(t)
	equal(t, ended.RunInfo.Status, ml.RunInfoStatusFinished)

	run := must(api.GetRun(ctx, ml.GetRunRequest{RunId: id}))(t).Run
	equal(t, run.Info.EndTime, start+60_000)
	params := map[string]string{}
	for _, param := range run.Data.Params {
		params[param.Key] = param.Value
	}
	equalText(t, params, map[string]string{"depth": "7", "trees": "100"})
	equal(t, len(run.Data.Metrics), 2)
	equal(t, run.Inputs.DatasetInputs[0].Dataset.Name, "claims")
	tags := map[string]string{}
	for _, tag := range run.Data.Tags {
		tags[tag.Key] = tag.Value
	}
	equal(t, tags["note"], "größer 模型 🦊")
	equal(t, tags["passing"], "")

	history := must(api.GetHistoryAll(ctx, ml.GetHistoryRequest{RunId: id, MetricKey: "loss", MaxResults: 1}))(t)
	var values []float64
	for _, metric := range history {
		values = append(values, metric.Value)
	}
	equalText(t, values, []float64{0.5, 0.25})
}

func TestRunsAreFoundByFilterInOrderPageByPage(t *testing.T) {
	ctx, api, experiment := t.Context(), experiments, newExperiment(t, "runs")
	var ids []string
	for i := range 5 {
		id := newRun(t, experiment).RunId
		done(t, api.LogMetric(ctx, ml.LogMetric{RunId: id, Key: "auc", Value: float64(i) / 10, Timestamp: start}))
		ids = append(ids, id)
	}
	search := func(view ml.ViewType) []string {
		runs := must(api.SearchRunsAll(ctx, ml.SearchRuns{
			ExperimentIds: []string{experiment}, Filter: "metrics.auc > 0.1", OrderBy: []string{"metrics.auc DESC"},
			MaxResults: 2, RunViewType: view,
		}))(t)
		var found []string
		for _, run := range runs {
			found = append(found, run.Info.RunId)
		}
		return found
	}
	done(t, api.DeleteRun(ctx, ml.DeleteRun{RunId: ids[3]}))
	equalText(t, search(ml.ViewTypeActiveOnly), []string{ids[4], ids[2]})
	equalText(t, search(ml.ViewTypeDeletedOnly), []string{ids[3]})
	done(t, api.RestoreRun(ctx, ml.RestoreRun{RunId: ids[3]}))
	equalText(t, search(ml.ViewTypeActiveOnly), []string{ids[4], ids[3], ids[2]})
}

// The client lists artifacts and has no call that uploads them.
func TestArtifactsAreListed(t *testing.T) {
	run := newRun(t, newExperiment(t, "artifacts"))
	path := strings.Replace(run.ArtifactUri, "mlflow-artifacts:", "/api/2.0/mlflow-artifacts/artifacts", 1)
	for _, name := range []string{"/a.txt", "/data/b.txt"} {
		request := must(http.NewRequest("PUT", os.Getenv("MLFLOW_TRACKING_URI")+path+name, bytes.NewReader([]byte("AB"))))(t)
		equal(t, must(http.DefaultClient.Do(request))(t).StatusCode, 200)
	}
	files := must(experiments.ListArtifactsAll(t.Context(), ml.ListArtifactsRequest{RunId: run.RunId}))(t)
	equal(t, len(files), 2)
	equal(t, files[0].Path, "a.txt")
	equal(t, files[0].FileSize, 2)
	equal(t, files[1].Path, "data")
	equal(t, files[1].IsDir, true)
}

func TestLoggedModel(t *testing.T) {
	ctx, api, experiment := t.Context(), experiments, newExperiment(t, "logged")
	run := newRun(t, experiment)
	created := must(api.CreateLoggedModel(ctx, ml.CreateLoggedModelRequest{
		ExperimentId: experiment, Name: "forest", ModelType: "classifier", SourceRunId: run.RunId,
		Params: []ml.LoggedModelParameter{{Key: "depth", Value: "7"}},
		Tags:   []ml.LoggedModelTag{{Key: "a", Value: "1"}},
	}))(t).Model
	id := created.Info.ModelId
	equal(t, created.Info.Status, ml.LoggedModelStatusLoggedModelPending)
	done(t, api.LogOutputs(ctx, ml.LogOutputsRequest{RunId: run.RunId, Models: []ml.ModelOutput{{ModelId: id, Step: 1}}}))
	done(t, api.LogMetric(ctx, ml.LogMetric{RunId: run.RunId, ModelId: id, Key: "auc", Value: 0.9, Timestamp: start}))
	done(t, api.SetLoggedModelTags(ctx, ml.SetLoggedModelTagsRequest{ModelId: id, Tags: []ml.LoggedModelTag{{Key: "b", Value: "2"}}}))
	done(t, api.DeleteLoggedModelTag(ctx, ml.DeleteLoggedModelTagRequest{ModelId: id, TagKey: "a"}))

	model := must(api.GetLoggedModel(ctx, ml.GetLoggedModelRequest{ModelId: id}))(t).Model
	equal(t, len(model.Info.Tags), 1)
	equal(t, model.Info.Tags[0].Key, "b")
	equal(t, model.Data.Params[0].Value, "7")
	equal(t, model.Data.Metrics[0].Value, 0.9)
	found := must(api.SearchLoggedModels(ctx, ml.SearchLoggedModelsRequest{
		ExperimentIds: []string{experiment}, Filter: "metrics.auc > 0.8",
	}))(t)
	equal(t, found.Models[0].Info.ModelId, id)
	// MLflow wants the id in the body as well, and this client has it in the path only.
	_, err := api.FinalizeLoggedModel(ctx, ml.FinalizeLoggedModelRequest{ModelId: id, Status: ml.LoggedModelStatusLoggedModelReady})
	refused(t, err, 400, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'model_id'.")
	done(t, api.DeleteLoggedModel(ctx, ml.DeleteLoggedModelRequest{ModelId: id}))
	_, err = api.GetLoggedModel(ctx, ml.GetLoggedModelRequest{ModelId: id})
	refused(t, err, 404, "RESOURCE_DOES_NOT_EXIST", "Logged model with ID '"+id+"' not found.")
}

func TestTrackingRefusals(t *testing.T) {
	ctx, api := t.Context(), experiments
	name := unique("twice")
	must(api.CreateExperiment(ctx, ml.CreateExperiment{Name: name}))(t)
	_, err := api.CreateExperiment(ctx, ml.CreateExperiment{Name: name})
	refused(t, err, 400, "RESOURCE_ALREADY_EXISTS", "Experiment(name="+name+") already exists.")
	missing := strings.Repeat("0", 32)
	_, err = api.GetRun(ctx, ml.GetRunRequest{RunId: missing})
	refused(t, err, 404, "RESOURCE_DOES_NOT_EXIST", "Run with id="+missing+" not found")
	err = api.LogMetric(ctx, ml.LogMetric{RunId: missing, Key: "", Value: 1, Timestamp: start})
	refused(t, err, 400, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'key'.")
	_, err = api.SearchRunsAll(ctx, ml.SearchRuns{ExperimentIds: []string{"0"}, Filter: "nonsense"})
	refused(t, err, 400, "INVALID_PARAMETER_VALUE", "Invalid clause(s) in filter string")
}
