# client: Python: aiohttp
# version: pip aiohttp
# http: 1.1
# proxy: https_proxy
# ca: SSL_CERT_FILE
# line: aiohttp.ClientSession(trust_env=True)
import asyncio
import sys

import aiohttp

url, key, _ = sys.argv[1:]


async def main():
    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.get(f"{url}/echo", headers={"x-api-key": key}) as answer:
            print(answer.status)


asyncio.run(main())
