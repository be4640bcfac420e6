import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mlflow.api.proto.ModelRegistry.ModelVersion;
import org.mlflow.api.proto.ModelRegistry.ModelVersionStatus;
import org.mlflow.api.proto.ModelRegistry.RegisteredModel;
import org.mlflow.api.proto.Service.RunInfo;
import org.mlflow.tracking.ModelVersionsPage;

import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The Java client only reads the registry; what it reads is written by requests of its own making. */
class RegistryTest {
  static final String NAME = Server.unique("model");
  static final RunInfo RUN = Server.CLIENT.createRun();

  /** Three versions: 1 is archived, 2 in Production, 3 in no stage; only the second has bytes. */
  @BeforeAll
  static void register(@TempDir Path folder) throws IOException {
    Path model = Files.createDirectory(folder.resolve("model"));
    Files.writeString(model.resolve("MLmodel"), "flavors: {}\n");
    Server.CLIENT.logArtifacts(RUN.getRunId(), model.toFile(), "model");
    post("registered-models/create", "{'name': '%s', 'description': 'Of Java'}", NAME);
    post("model-versions/create", "{'name': '%s', 'source': 's3://models/1'}", NAME);
    post(
        "model-versions/create",
        "{'name': '%s', 'source': '%s/model', 'run_id': '%s'}",
        NAME,
        RUN.getArtifactUri(),
        RUN.getRunId());
    post("model-versions/create", "{'name': '%s', 'source': 's3://models/3'}", NAME);
    String stage = "{'name': '%s', 'version': '%s', 'stage': 'Production', 'archive_existing_versions': true}";
    post("model-versions/transition-stage", stage, NAME, "1");
    post("model-versions/transition-stage", stage, NAME, "2");
    Server.CLIENT.sendPatch(
        "model-versions/update",
        json("{'name': '%s', 'version': '2', 'description': 'The better one'}", NAME));
  }

  @Test
  void aModelAndItsVersions() {
    RegisteredModel model = Server.CLIENT.getRegisteredModel(NAME);
    assertEquals(NAME, model.getName());
    assertEquals("Of Java", model.getDescription());
    assertEquals(Set.of("1", "2", "3"), versions(model.getLatestVersionsList()));

    ModelVersion version = Server.CLIENT.getModelVersion(NAME, "2");
    assertEquals("Production", version.getCurrentStage());
    assertEquals(ModelVersionStatus.READY, version.getStatus());
    assertEquals("The better one", version.getDescription());
    assertEquals(RUN.getRunId(), version.getRunId());
    assertEquals(RUN.getArtifactUri() + "/model", version.getSource());
    assertEquals("Archived", Server.CLIENT.getModelVersion(NAME, "1").getCurrentStage());
  }

  @Test
  void theLatestOfEachStage() {
    assertEquals(Set.of("1", "2", "3"), versions(Server.CLIENT.getLatestVersions(NAME)));
    assertEquals(
        Set.of("2", "3"), versions(Server.CLIENT.getLatestVersions(NAME, List.of("Production", "None"))));
    assertEquals(Set.of(), versions(Server.CLIENT.getLatestVersions(NAME, List.of("Staging"))));
  }

  @Test
  void foundPageByPage() {
    List<String> found = new ArrayList<>();
    ModelVersionsPage page =
        Server.CLIENT.searchModelVersions("name='" + NAME + "'", 2, List.of("version_number ASC"));
    page.getItems().forEach(version -> found.add(version.getVersion()));
    assertTrue(page.hasNextPage());
    ModelVersionsPage last = (ModelVersionsPage) page.getNextPage();
    last.getItems().forEach(version -> found.add(version.getVersion()));
    assertFalse(last.hasNextPage());
    assertEquals(List.of("1", "2", "3"), found);
    assertEquals(1, Server.CLIENT.searchModelVersions("run_id='" + RUN.getRunId() + "'").getPageSize());
  }

  @Test
  void downloaded() throws IOException {
    assertEquals("s3://models/1", Server.CLIENT.getModelVersionDownloadUri(NAME, "1"));
    // What the run holds was copied when it was registered.
    String copy = Server.CLIENT.getModelVersionDownloadUri(NAME, "2");
    assertTrue(copy.startsWith("mlflow-artifacts:/.tabularium/pinned/"), copy);
    File model = Server.CLIENT.downloadModelVersion(NAME, "2");
    assertEquals("flavors: {}\n", Files.readString(model.toPath().resolve("MLmodel")));
    File latest = Server.CLIENT.downloadLatestModelVersion(NAME, "Production");
    assertEquals("flavors: {}\n", Files.readString(latest.toPath().resolve("MLmodel")));
  }

  @Test
  void refused() {
    String missing = Server.unique("missing");
    Server.assertRefused(
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "Registered Model with name=" + missing + " not found",
        () -> Server.CLIENT.getRegisteredModel(missing));
    Server.assertRefused(
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "Model Version (name=" + NAME + ", version=9) not found",
        () -> Server.CLIENT.getModelVersion(NAME, "9"));
    Server.assertRefused(
        400,
        "INVALID_PARAMETER_VALUE",
        "Parameter 'version' must be an integer, got 'two'",
        () -> Server.CLIENT.getModelVersion(NAME, "two"));
    Server.assertRefused(
        400,
        "INVALID_PARAMETER_VALUE",
        "Invalid Model Version stage",
        () -> Server.CLIENT.getLatestVersions(NAME, List.of("Nowhere")));
    Server.assertRefused(
        400,
        "RESOURCE_ALREADY_EXISTS",
        "Registered Model (name=" + NAME + ") already exists.",
        () -> post("registered-models/create", "{'name': '%s'}", NAME));
  }

  private static Set<String> versions(List<ModelVersion> versions) {
    return versions.stream().map(ModelVersion::getVersion).collect(toSet());
  }

  private static void post(String path, String body, Object... values) {
    Server.CLIENT.sendPost(path, json(body, values));
  }

  private static String json(String body, Object... values) {
    return String.format(body, values).replace('\'', '"');
  }
}
