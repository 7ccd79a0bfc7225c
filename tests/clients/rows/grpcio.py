# client: Python: grpcio, unary and streams
# version: pip grpcio
# server: grpc
# http: 2
# proxy: https_proxy
# ca: GRPC_DEFAULT_SSL_ROOTS_FILE_PATH
# note: the token in the metadata of each call; a refusal is `PERMISSION_DENIED`
import sys
import threading

import grpc

url, key, _ = sys.argv[1:]
target, metadata = f"{url.removeprefix('https://')}:443", [("authorization", f"Bearer {key}")]
with grpc.secure_channel(target, grpc.ssl_channel_credentials()) as channel:
    try:
        unary = channel.unary_unary("/demo.Echo/Unary")
        assert unary(b"hello", metadata=metadata, timeout=20) == b"HELLO"
        # Each answer is there before the next message is sent.
        calls, sent = channel.stream_stream("/demo.Echo/Both"), []
        turn = threading.Semaphore(1)

        def messages():
            for message in [b"one", b"two", b"x" * 100_000]:
                turn.acquire()
                sent.append(message)
                yield message

        call = calls(messages(), metadata=metadata, timeout=20)
        for answer in call:
            assert answer == sent[-1].upper()
            turn.release()
        assert len(sent) == 3 and dict(call.trailing_metadata())["served"] == "all"
        print(200)
    except grpc.RpcError as error:
        print(403 if error.code() == grpc.StatusCode.PERMISSION_DENIED else error)
