import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.mlflow.api.proto.Service.CreateExperiment;
import org.mlflow.api.proto.Service.Experiment;
import org.mlflow.api.proto.Service.ExperimentTag;
import org.mlflow.api.proto.Service.ViewType;
import org.mlflow.tracking.ExperimentsPage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ExperimentsTest {
  @Test
  void createdFoundRenamed() {
    String name = Server.unique("create");
    String id = Server.CLIENT.createExperiment(name);
    Experiment experiment = Server.CLIENT.getExperiment(id);
    assertEquals(name, experiment.getName());
    assertEquals("active", experiment.getLifecycleStage());
    assertTrue(experiment.getCreationTime() > 0);
    assertEquals(experiment, Server.CLIENT.getExperimentByName(name).orElseThrow());

    Server.CLIENT.setExperimentTag(id, "team", "fraud");
    Server.CLIENT.renameExperiment(id, name + "-renamed");
    assertEquals(Optional.empty(), Server.CLIENT.getExperimentByName(name));
    Experiment renamed = Server.CLIENT.getExperimentByName(name + "-renamed").orElseThrow();
    assertEquals(id, renamed.getExperimentId());
    assertEquals(tag("team", "fraud"), renamed.getTags(0));
  }

  @Test
  void createdWithTagsAndAPlaceForArtifacts() {
    CreateExperiment request =
        CreateExperiment.newBuilder()
            .setName(Server.unique("tags"))
            .setArtifactLocation("s3://bucket/elsewhere")
            .addTags(tag("a", "1"))
            .addTags(tag("b", "zwei"))
            .build();
    Experiment experiment = Server.CLIENT.getExperiment(Server.CLIENT.createExperiment(request));
    assertEquals("s3://bucket/elsewhere", experiment.getArtifactLocation());
    assertEquals(request.getTagsList(), experiment.getTagsList());
  }

  @Test
  void deletedAndRestored() {
    String id = Server.CLIENT.createExperiment(Server.unique("delete"));
    Server.CLIENT.deleteExperiment(id);
    assertEquals("deleted", Server.CLIENT.getExperiment(id).getLifecycleStage());
    Server.CLIENT.restoreExperiment(id);
    assertEquals("active", Server.CLIENT.getExperiment(id).getLifecycleStage());
  }

  @Test
  void foundPageByPage() {
    String prefix = Server.unique("search");
    for (String letter : List.of("b", "c", "a")) Server.CLIENT.createExperiment(prefix + letter);
    Server.CLIENT.deleteExperiment(Server.CLIENT.createExperiment(prefix + "d"));
    String filter = "name LIKE '" + prefix + "%'";

    List<String> names = new ArrayList<>();
    ExperimentsPage page =
        Server.CLIENT.searchExperiments(filter, ViewType.ACTIVE_ONLY, 2, List.of("name DESC"));
    assertTrue(page.hasNextPage());
    page.getItems().forEach(experiment -> names.add(experiment.getName()));
    ExperimentsPage last = (ExperimentsPage) page.getNextPage();
    assertFalse(last.hasNextPage());
    last.getItems().forEach(experiment -> names.add(experiment.getName()));
    assertEquals(List.of(prefix + "c", prefix + "b", prefix + "a"), names);

    ExperimentsPage deleted = Server.CLIENT.searchExperiments(filter, ViewType.DELETED_ONLY, 2, List.of());
    assertEquals(1, deleted.getPageSize());
  }

  @Test
  void refused() {
    String name = Server.unique("twice");
    Server.CLIENT.createExperiment(name);
    Server.assertRefused(
        400,
        "RESOURCE_ALREADY_EXISTS",
        "Experiment(name=" + name + ") already exists.",
        () -> Server.CLIENT.createExperiment(name));
    Server.assertRefused(
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "No Experiment with id=999999999 exists",
        () -> Server.CLIENT.getExperiment("999999999"));
    Server.assertRefused(
        400,
        "INVALID_PARAMETER_VALUE",
        "Invalid attribute key 'colour' specified.",
        () -> Server.CLIENT.searchExperiments("colour = 'red'"));
  }

  private static ExperimentTag tag(String key, String value) {
    return ExperimentTag.newBuilder().setKey(key).setValue(value).build();
  }
}
