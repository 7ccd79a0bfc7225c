// client: Bun: fetch
// version: npm @oven/bun-linux-x64
// http: 1.1
// proxy: https_proxy
// ca: NODE_EXTRA_CA_CERTS
const [url, key] = process.argv.slice(2);
const answer = await fetch(`${url}/echo`, { headers: { "x-api-key": key } });
console.log(answer.status);
