package clients

import (
	"testing"

	"github.com/databricks/databricks-sdk-go/service/ml"
)

// Transitions and `registered-models/get` this client sends to paths that only Databricks has, and what it deletes
// from the registry it names in the query, where MLflow reads a body: none of these reach MLflow's own server either.

func newModel(t *testing.T, name string, versions int) string {
	t.Helper()
	model := must(registry.CreateModel(t.Context(), ml.CreateModelRequest{
		Name: unique(name), Description: "Of Go", Tags: []ml.ModelTag{{Key: "team", Value: "fraud"}},
	}))(t).RegisteredModel
	for range versions {
		must(registry.CreateModelVersion(t.Context(), ml.CreateModelVersionRequest{
			Name: model.Name, Source: "s3://models/" + model.Name,
		}))(t)
	}
	return model.Name
}

func TestModelIsCreatedUpdatedRenamed(t *testing.T) {
	ctx, api := t.Context(), registry
	name := newModel(t, "model", 1)
	updated := must(api.UpdateModel(ctx, ml.UpdateModelRequest{Name: name, Description: "After"}))(t).RegisteredModel
	equal(t, updated.Description, "After")
	done(t, api.SetModelTag(ctx, ml.SetModelTagRequest{Name: name, Key: "tier", Value: "1"}))
	renamed := must(api.RenameModel(ctx, ml.RenameModelRequest{Name: name, NewName: name + "-renamed"}))(t).RegisteredModel
	equal(t, renamed.Name, name+"-renamed")
	found := must(api.SearchModelsAll(ctx, ml.SearchModelsRequest{Filter: "name = '" + name + "-renamed' AND tags.tier = '1'"}))(t)
	equal(t, len(found), 1)
	equal(t, found[0].LatestVersions[0].Version, "1")
}

func TestModelVersions(t *testing.T) {
	ctx, api := t.Context(), registry
	name := newModel(t, "versions", 3)
	updated := must(api.UpdateModelVersion(ctx, ml.UpdateModelVersionRequest{Name: name, Version: "2", Description: "Two"}))(t)
	equal(t, updated.ModelVersion.Description, "Two")
	done(t, api.SetModelVersionTag(ctx, ml.SetModelVersionTagRequest{Name: name, Version: "2", Key: "reviewed", Value: "yes"}))
	version := must(api.GetModelVersion(ctx, ml.GetModelVersionRequest{Name: name, Version: "2"}))(t).ModelVersion
	equal(t, version.Status, ml.ModelVersionStatusReady)
	equal(t, version.Tags[0].Value, "yes")
	uri := must(api.GetModelVersionDownloadUri(ctx, ml.GetModelVersionDownloadUriRequest{Name: name, Version: "2"}))(t)
	equal(t, uri.ArtifactUri, "s3://models/"+name)
	latest := must(api.GetLatestVersionsAll(ctx, ml.GetLatestVersionsRequest{Name: name, Stages: []string{"None"}}))(t)
	equal(t, latest[0].Version, "3")
}

func TestModelsAndVersionsAreFoundPageByPage(t *testing.T) {
	ctx, api := t.Context(), registry
	name := newModel(t, "pages", 5)
	versions := must(api.SearchModelVersionsAll(ctx, ml.SearchModelVersionsRequest{
		Filter: "name = '" + name + "'", OrderBy: []string{"version_number ASC"}, MaxResults: 2,
	}))(t)
	var numbers []string
	for _, version := range versions {
		numbers = append(numbers, version.Version)
	}
	equalText(t, numbers, []string{"1", "2", "3", "4", "5"})

	newModel(t, "pages", 0)
	newModel(t, "pages", 0)
	models := must(api.SearchModelsAll(ctx, ml.SearchModelsRequest{
		Filter: "name LIKE 'go-pages-%'", OrderBy: []string{"name DESC"}, MaxResults: 1,
	}))(t)
	if len(models) < 3 || models[0].Name <= models[1].Name {
		t.Fatalf("got %d models, not three or more in descending order", len(models))
	}
}

func TestRegistryRefusals(t *testing.T) {
	ctx, api := t.Context(), registry
	name := newModel(t, "twice", 1)
	_, err := api.CreateModel(ctx, ml.CreateModelRequest{Name: name})
	refused(t, err, 400, "RESOURCE_ALREADY_EXISTS", "Registered Model (name="+name+") already exists.")
	_, err = api.GetModelVersion(ctx, ml.GetModelVersionRequest{Name: name, Version: "9"})
	refused(t, err, 404, "RESOURCE_DOES_NOT_EXIST", "Model Version (name="+name+", version=9) not found")
	_, err = api.GetLatestVersionsAll(ctx, ml.GetLatestVersionsRequest{Name: name, Stages: []string{"Nowhere"}})
	refused(t, err, 400, "INVALID_PARAMETER_VALUE", "Invalid Model Version stage")
	err = api.SetModelVersionTag(ctx, ml.SetModelVersionTagRequest{Name: name, Version: "9", Key: "a", Value: "1"})
	refused(t, err, 404, "RESOURCE_DOES_NOT_EXIST", "Model Version (name="+name+", version=9) not found")
}
