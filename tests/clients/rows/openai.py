# client: Python: openai, streaming
# version: pip openai
# host: api.openai.com
# http: 1.1
# proxy: https_proxy
# ca: SSL_CERT_FILE
import os
import sys

import openai

url, key, _ = sys.argv[1:]
client = openai.OpenAI(api_key=key, base_url=f"{url}/v1", max_retries=0)
text = ""
try:
    messages = [{"role": "user", "content": "Hi"}]
    for chunk in client.chat.completions.create(model="gpt", messages=messages, stream=True):
        text += chunk.choices[0].delta.content
        # The server sends no event before this one was read.
        with open(os.environ["SEEN"], "ab") as seen:
            seen.write(b".")
    assert text == "one two"
    print(200)
except openai.APIStatusError as error:
    print(error.status_code)
