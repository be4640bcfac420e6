import java.util.UUID;
import org.junit.jupiter.api.function.Executable;
import org.mlflow.tracking.MlflowClient;
import org.mlflow.tracking.MlflowHttpException;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the tests share: the client of the server under test, names of their own, and the form of a refusal. */
final class Server {
  /** Talks to the server at MLFLOW_TRACKING_URI. */
  static final MlflowClient CLIENT = new MlflowClient();

  private Server() {}

  static String unique(String name) {
    return "java-" + name + "-" + UUID.randomUUID();
  }

  /** The call ends in an answer of this status whose body holds this code and begins its message so. */
  static void assertRefused(int status, String code, String message, Executable call) {
    MlflowHttpException refused = assertThrows(MlflowHttpException.class, call);
    assertEquals(status, refused.getStatusCode());
    String body = refused.getBodyMessage();
    assertTrue(body.contains("\"" + code + "\""), body);
    assertTrue(body.contains("\"" + message), body);
  }
}
