import { setTimeout as sleep } from 'node:timers/promises';
import { DiagLogLevel, diag, trace } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { packageVersion } from './config.ts';

/** How long the end of the process waits for a collector that does not take what is left, in milliseconds. */
const flushTime = 5_000;

/** The ids of the span under way, by the names that OpenTelemetry gives them in logs of other formats. */
export function spanIds(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

/**
 * Starts OpenTelemetry's SDK, which reads its standard variables itself (OTEL_EXPORTER_OTLP_ENDPOINT …), and resolves
 * to the function that sends what is left. It is loaded here, because it takes its time and 30 MiB.
 */
export async function startTelemetry(log: Logger): Promise<() => Promise<void>> {
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const resources = await import('@opentelemetry/resources');
  // A collector that is away is told in our log, unless OTEL_LOG_LEVEL has the SDK write to the console.
  const tell = (...parts: unknown[]) => log.warn(`OpenTelemetry: ${parts.map(String).join(' ')}`);
  const silent = () => {};
  const logger = { error: tell, warn: tell, info: silent, debug: silent, verbose: silent };
  diag.setLogger(logger, DiagLogLevel.WARN);
  const sdk = new NodeSDK({
    resource: resources.defaultResource().merge(
      resources.resourceFromAttributes({
        'service.name': 'tabularium',
        'service.version': packageVersion(),
      }),
    ),
    // Not the one of the process, which sends the command line, where the password of the database may stand.
    resourceDetectors: [resources.serviceInstanceIdDetector, resources.hostDetector, resources.envDetector],
    logRecordProcessors: [],
  });
  sdk.start();
  return async () => {
    const sent = sdk.shutdown().catch((err: Error) => log.warn({ err }, 'OpenTelemetry: the last is lost'));
    await Promise.race([sent, sleep(flushTime, undefined, { ref: false })]);
  };
}
