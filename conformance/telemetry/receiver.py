"""A receiver of OTLP, over gRPC and HTTP, that keeps what it gets."""

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs, logs_service_pb2_grpc as logs_rpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics, metrics_service_pb2_grpc as metrics_rpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces, trace_service_pb2_grpc as traces_rpc


class Receiver:
    def __init__(self):
        self.requests = {"traces": [], "metrics": [], "logs": []}
        self.headers = []
        self.rpc = grpc.server(ThreadPoolExecutor(4))
        for signal, rpc, message, add in [
            ("traces", traces_rpc.TraceServiceServicer, traces.ExportTraceServiceResponse, traces_rpc.add_TraceServiceServicer_to_server),
            ("metrics", metrics_rpc.MetricsServiceServicer, metrics.ExportMetricsServiceResponse, metrics_rpc.add_MetricsServiceServicer_to_server),
            ("logs", logs_rpc.LogsServiceServicer, logs.ExportLogsServiceResponse, logs_rpc.add_LogsServiceServicer_to_server),
        ]:
            add(type("Servicer", (rpc,), {"Export": self._export(signal, message)})(), self.rpc)
        self.grpc = f"127.0.0.1:{self.rpc.add_insecure_port('127.0.0.1:0')}"
        self.rpc.start()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.http = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _export(self, signal, message):
        def export(_, request, context):
            self.headers.append(dict(context.invocation_metadata()))
            self.requests[signal].append(request)
            return message()

        return export

    def _handler(receiver):
        kinds = {
            "/v1/traces": ("traces", traces.ExportTraceServiceRequest),
            "/v1/metrics": ("metrics", metrics.ExportMetricsServiceRequest),
            "/v1/logs": ("logs", logs.ExportLogsServiceRequest),
        }

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                signal, message = kinds[self.path]
                assert self.headers["content-type"] == "application/x-protobuf"
                receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
                receiver.requests[signal].append(message.FromString(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler

    def resource(self):
        return attributes(self.requests["traces"][0].resource_spans[0].resource)

    def spans(self, service=None):
        """All spans, or those of a service."""
        return [
            span
            for request in self.requests["traces"]
            for resource in request.resource_spans
            if service in (None, attributes(resource.resource)["service.name"])
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metrics(self):
        return {
            metric.name: metric
            for request in self.requests["metrics"]
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def logs(self):
        return [
            record
            for request in self.requests["logs"]
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def stop(self):
        self.rpc.stop(None)
        self.server.shutdown()
        self.server.server_close()


def attributes(of):
    """Attributes as a dict."""

    def plain(value):
        kind = value.WhichOneof("value")
        if kind == "array_value":
            return [plain(one) for one in value.array_value.values]
        return getattr(value, kind)

    return {pair.key: plain(pair.value) for pair in of.attributes}
