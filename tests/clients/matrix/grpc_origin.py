"""A gRPC server. Its messages are bare bytes, so that no generated code is needed."""

from concurrent.futures import ThreadPoolExecutor

import grpc

from .record import Request


class Calls(grpc.GenericRpcHandler):
    def __init__(self, record, rows):
        self.record, self.rows = record, rows

    def service(self, details):
        fields = [(name, value) for name, value in details.invocation_metadata if isinstance(value, str)]
        return {
            "/demo.Echo/Unary": grpc.unary_unary_rpc_method_handler(self.checked(fields, unary)),
            "/demo.Echo/Both": grpc.stream_stream_rpc_method_handler(self.checked_stream(fields)),
        }.get(details.method)

    def admits(self, fields, context):
        """The peer's name for the server is not told; each row has a value of its own."""
        request = Request("", "2", "", fields)
        row = next((row for row in self.rows if request.holds(row.value)), None)
        self.record.add(Request(row.host if row else "grpc", "2", "", fields))
        if row is None:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")

    def checked(self, fields, answer):
        return lambda message, context: (self.admits(fields, context), answer(message))[1]

    def checked_stream(self, fields):
        def both(messages, context):
            self.admits(fields, context)
            context.set_trailing_metadata((("served", "all"),))
            for message in messages:
                yield message.upper()
        return both


def unary(message):
    return message.upper()


def start(record, rows, certificate, key):
    """The server and its port."""
    server = grpc.server(ThreadPoolExecutor(4), handlers=[Calls(record, rows)])
    secrets = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    port = server.add_secure_port("127.0.0.1:0", secrets)
    server.start()
    return server, port
