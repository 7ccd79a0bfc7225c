// client: Deno: fetch
// version: npm @deno/linux-x64-glibc
// http: 2
// proxy: https_proxy
// ca: DENO_CERT
const [url, key] = Deno.args;
const answer = await fetch(`${url}/echo`, { headers: { "x-api-key": key } });
console.log(answer.status);
