import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mlflow.api.proto.Service.FileInfo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** The Java client hands artifacts on to MLflow's Python, which is named by MLFLOW_PYTHON_EXECUTABLE. */
class ArtifactsTest {
  @TempDir Path folder;

  @Test
  void writtenListedAndReadBack() throws IOException {
    String id = Server.CLIENT.createRun().getRunId();
    byte[] bytes = new byte[100_000];
    for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) (i * 31);
    Path file = Files.write(folder.resolve("weights 1.bin"), bytes);
    Path tree = Files.createDirectories(folder.resolve("tree/inner"));
    Files.writeString(tree.resolve("a.txt"), "A");
    Files.writeString(tree.getParent().resolve("b.txt"), "BB");

    Server.CLIENT.logArtifact(id, file.toFile());
    Server.CLIENT.logArtifacts(id, tree.getParent().toFile(), "data");

    assertEquals(List.of("data dir", "weights 1.bin 100000"), described(Server.CLIENT.listArtifacts(id)));
    assertEquals(List.of("data/b.txt 2", "data/inner dir"), described(Server.CLIENT.listArtifacts(id, "data")));
    File one = Server.CLIENT.downloadArtifacts(id, "weights 1.bin");
    assertArrayEquals(bytes, Files.readAllBytes(one.toPath()));
    File all = Server.CLIENT.downloadArtifacts(id);
    assertEquals("A", Files.readString(all.toPath().resolve("data/inner/a.txt")));
  }

  private static List<String> described(List<FileInfo> files) {
    return files.stream()
        .map(file -> file.getPath() + " " + (file.getIsDir() ? "dir" : file.getFileSize()))
        .sorted()
        .toList();
  }
}
