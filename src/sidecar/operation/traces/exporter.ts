import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { type Logger, messageOf } from '../../../core/index.ts';
import type { SendSpans } from './span-queue.ts';

/** How long one export may take, its own retries included. */
const EXPORT_TIMEOUT_MS = 5000;
/** ExportResultCode.SUCCESS of @opentelemetry/core. */
const SUCCESS = 0;

/** Exports by OTLP over HTTP, as JSON; the first failure in a row is logged. */
export function otlpExport(
  settings: { readonly endpoint: string; readonly headers?: Readonly<Record<string, string>> },
  logger: Logger,
): { readonly send: SendSpans<ReadableSpan>; readonly close: () => Promise<void> } {
  const exporter = new OTLPTraceExporter({
    url: settings.endpoint,
    headers: { ...settings.headers },
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  let failing = false;
  const send: SendSpans<ReadableSpan> = (spans) =>
    new Promise((resolve) => {
      exporter.export(spans, ({ code, error }) => {
        const arrived = code === SUCCESS;
        if (!arrived && !failing) {
          logger.log('warn', 'spans could not be exported', {
            endpoint: settings.endpoint,
            why: messageOf(error),
          });
        }
        failing = !arrived;
        resolve(arrived);
      });
    });
  return { send, close: () => exporter.shutdown() };
}
