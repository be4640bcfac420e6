import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.mlflow.api.proto.Service.CreateRun;
import org.mlflow.api.proto.Service.Metric;
import org.mlflow.api.proto.Service.Param;
import org.mlflow.api.proto.Service.Run;
import org.mlflow.api.proto.Service.RunInfo;
import org.mlflow.api.proto.Service.RunStatus;
import org.mlflow.api.proto.Service.RunTag;
import org.mlflow.api.proto.Service.ViewType;
import org.mlflow.tracking.ActiveRun;
import org.mlflow.tracking.MlflowContext;
import org.mlflow.tracking.RunsPage;

import static java.util.stream.Collectors.toMap;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class RunsTest {
  @Test
  void aRunFromItsStartToItsEnd() {
    String experiment = Server.CLIENT.createExperiment(Server.unique("run"));
    RunInfo info =
        Server.CLIENT.createRun(
            CreateRun.newBuilder()
                .setExperimentId(experiment)
                .setRunName("first")
                .setStartTime(1_700_000_000_000L)
                .addTags(tag("mlflow.user", "ada"))
                .build());
    String id = info.getRunId();
    assertEquals(RunStatus.RUNNING, info.getStatus());
    assertEquals("first", info.getRunName());
    assertTrue(info.getArtifactUri().endsWith("/" + id + "/artifacts"), info.getArtifactUri());

    Server.CLIENT.logParam(id, "depth", "7");
    Server.CLIENT.logParam(id, "depth", "7");
    Server.CLIENT.logMetric(id, "loss", 0.5, 1_700_000_000_001L, 0);
    Server.CLIENT.logMetric(id, "loss", 0.25, 1_700_000_000_002L, 1);
    Server.CLIENT.setTag(id, "note", "größer 模型 🦊");
    Server.CLIENT.setTag(id, "passing", "by");
    Server.CLIENT.deleteTag(id, "passing");
    Server.CLIENT.setTerminated(id, RunStatus.FINISHED, 1_700_000_060_000L);

    Run run = Server.CLIENT.getRun(id);
    assertEquals(RunStatus.FINISHED, run.getInfo().getStatus());
    assertEquals(1_700_000_000_000L, run.getInfo().getStartTime());
    assertEquals(1_700_000_060_000L, run.getInfo().getEndTime());
    assertEquals(Map.of("depth", "7"), params(run));
    Map<String, String> tags = tags(run);
    assertEquals("größer 模型 🦊", tags.get("note"));
    assertEquals("ada", tags.get("mlflow.user"));
    assertFalse(tags.containsKey("passing"));
    assertEquals(List.of(metric("loss", 0.25, 1_700_000_000_002L, 1)), run.getData().getMetricsList());
    assertEquals(
        List.of(metric("loss", 0.5, 1_700_000_000_001L, 0), metric("loss", 0.25, 1_700_000_000_002L, 1)),
        Server.CLIENT.getMetricHistory(id, "loss"));
  }

  @Test
  void metricsThatAreNoOrdinaryNumbers() {
    String id = Server.CLIENT.createRun().getRunId();
    List<Double> values = List.of(Double.NaN, 0.1 + 0.2, Double.MIN_VALUE, 9_007_199_254_740_993.0, -1e308);
    for (int step = 0; step < values.size(); step++)
      Server.CLIENT.logMetric(id, "odd", values.get(step), 1_700_000_000_000L, step);
    List<Double> logged = Server.CLIENT.getMetricHistory(id, "odd").stream().map(Metric::getValue).toList();
    assertEquals(values, logged);
  }

  @Test
  void manyAtOnce() {
    String id = Server.CLIENT.createRun().getRunId();
    List<Metric> metrics = new ArrayList<>();
    for (int step = 0; step < 800; step++) metrics.add(metric("m" + step % 4, step, 1_700_000_000_000L, step));
    List<Param> params = new ArrayList<>();
    for (int i = 0; i < 100; i++)
      params.add(Param.newBuilder().setKey("p" + i).setValue(String.valueOf(i)).build());
    Server.CLIENT.logBatch(id, metrics, params, List.of(tag("a", "1"), tag("b", "2")));

    Run run = Server.CLIENT.getRun(id);
    assertEquals(4, run.getData().getMetricsCount());
    assertEquals(100, params(run).size());
    assertEquals("2", tags(run).get("b"));
    assertEquals(200, Server.CLIENT.getMetricHistory(id, "m3").size());
  }

  @Test
  void foundByFilterInOrderPageByPage() {
    String experiment = Server.CLIENT.createExperiment(Server.unique("search"));
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      String id = Server.CLIENT.createRun(experiment).getRunId();
      Server.CLIENT.logMetric(id, "auc", i / 10.0);
      Server.CLIENT.logParam(id, "kind", i % 2 == 0 ? "even" : "odd");
      ids.add(id);
    }
    Server.CLIENT.deleteRun(ids.get(0));
    List<String> where = List.of(experiment);

    List<String> found = new ArrayList<>();
    RunsPage page =
        Server.CLIENT.searchRuns(
            where, "metrics.auc > 0.1", ViewType.ACTIVE_ONLY, 2, List.of("metrics.auc DESC"));
    page.getItems().forEach(run -> found.add(run.getInfo().getRunId()));
    assertTrue(page.hasNextPage());
    RunsPage last = (RunsPage) page.getNextPage();
    last.getItems().forEach(run -> found.add(run.getInfo().getRunId()));
    assertFalse(last.hasNextPage());
    assertEquals(List.of(ids.get(4), ids.get(3), ids.get(2)), found);

    String filter = "params.kind = 'even' AND attributes.status = 'RUNNING'";
    assertEquals(2, Server.CLIENT.searchRuns(where, filter).size());
    assertEquals(3, Server.CLIENT.searchRuns(where, filter, ViewType.ALL).size());
    Server.CLIENT.restoreRun(ids.get(0));
    assertEquals(3, Server.CLIENT.searchRuns(where, filter).size());
    assertEquals(5, Server.CLIENT.listRunInfos(experiment).size());
  }

  @Test
  void theContextOfARun() {
    String name = Server.unique("context");
    String experiment = Server.CLIENT.createExperiment(name);
    MlflowContext context = new MlflowContext(Server.CLIENT).setExperimentName(name);
    assertEquals(experiment, context.getExperimentId());
    ActiveRun parent = context.startRun("parent");
    ActiveRun child = context.startRun("child", parent.getId());
    child.logMetrics(Map.of("auc", 0.9, "f1", 0.8), 3);
    child.logParams(Map.of("depth", "3", "trees", "100"));
    child.setTags(Map.of("stage", "try"));
    child.endRun(RunStatus.FAILED);
    parent.endRun();

    Run run = Server.CLIENT.getRun(child.getId());
    assertEquals(RunStatus.FAILED, run.getInfo().getStatus());
    assertEquals(Map.of("depth", "3", "trees", "100"), params(run));
    assertEquals(parent.getId(), tags(run).get("mlflow.parentRunId"));
    assertEquals(2, run.getData().getMetricsCount());
    assertEquals(RunStatus.FINISHED, Server.CLIENT.getRun(parent.getId()).getInfo().getStatus());
  }

  @Test
  void refused() {
    String missing = "0".repeat(32);
    Server.assertRefused(
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "Run with id=" + missing + " not found",
        () -> Server.CLIENT.getRun(missing));
    String id = Server.CLIENT.createRun().getRunId();
    Server.CLIENT.logParam(id, "depth", "7");
    Server.assertRefused(
        400,
        "INVALID_PARAMETER_VALUE",
        "Changing param values is not allowed.",
        () -> Server.CLIENT.logParam(id, "depth", "8"));
    Server.assertRefused(
        400,
        "INVALID_PARAMETER_VALUE",
        "Invalid clause(s) in filter string",
        () -> Server.CLIENT.searchRuns(List.of("0"), "nonsense"));
    Server.CLIENT.deleteRun(id);
    Server.assertRefused(
        400,
        "INVALID_PARAMETER_VALUE",
        "The run " + id + " must be in the 'active' state.",
        () -> Server.CLIENT.logMetric(id, "auc", 1));
  }

  private static Map<String, String> params(Run run) {
    return run.getData().getParamsList().stream().collect(toMap(Param::getKey, Param::getValue));
  }

  private static Map<String, String> tags(Run run) {
    return run.getData().getTagsList().stream().collect(toMap(RunTag::getKey, RunTag::getValue));
  }

  private static RunTag tag(String key, String value) {
    return RunTag.newBuilder().setKey(key).setValue(value).build();
  }

  private static Metric metric(String key, double value, long timestamp, long step) {
    return Metric.newBuilder().setKey(key).setValue(value).setTimestamp(timestamp).setStep(step).build();
  }
}
