// Package clients drives the Go client of MLflow's API that Databricks publishes, unchanged, against the server at
// MLFLOW_TRACKING_URI.
package clients

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/client"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/service/ml"
)

var (
	experiments *ml.ExperimentsAPI
	registry    *ml.ModelRegistryAPI
)

func TestMain(m *testing.M) {
	// The client wants a token; a server without accounts reads none.
	server, err := client.New(&config.Config{Host: os.Getenv("MLFLOW_TRACKING_URI"), Token: "none", AuthType: "pat"})
	if err != nil {
		panic(err)
	}
	experiments, registry = ml.NewExperiments(server), ml.NewModelRegistry(server)
	os.Exit(m.Run())
}

func unique(name string) string {
	return fmt.Sprintf("go-%s-%d", name, time.Now().UnixNano())
}

// must gives the value of a call that has to go well.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// done fails the test unless the call went well.
func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Fatalf("got %v instead of %v", got, wanted)
	}
}

// equalText compares lists and maps by how they print: lists in order, maps by their keys.
func equalText[T any](t *testing.T, got, wanted T) {
	t.Helper()
	equal(t, fmt.Sprint(got), fmt.Sprint(wanted))
}

// refused fails the test unless the call ended in an answer of this status and code, whose message begins so.
func refused(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var answer *apierr.APIError
	if !errors.As(err, &answer) {
		t.Fatalf("got %v instead of an answer of the server", err)
	}
	if answer.StatusCode != status || answer.ErrorCode != code || !strings.HasPrefix(answer.Message, message) {
		t.Fatalf("got %d %s %q", answer.StatusCode, answer.ErrorCode, answer.Message)
	}
}
