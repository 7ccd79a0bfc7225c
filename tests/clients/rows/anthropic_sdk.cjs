// client: Node 20: @anthropic-ai/sdk, streaming
// version: npm @anthropic-ai/sdk
// host: api.anthropic.com
// http: 1.1
// proxy: https_proxy
// ca: NODE_EXTRA_CA_CERTS
// line: new Anthropic({ fetchOptions: { dispatcher: new EnvHttpProxyAgent() } })
// note: the agent is undici's
const fs = require("node:fs");
const { Anthropic } = require("@anthropic-ai/sdk");
const { EnvHttpProxyAgent } = require("undici");

exports.stream = async (make) => {
  [process.env.ANTHROPIC_BASE_URL, process.env.ANTHROPIC_API_KEY] = process.argv.slice(2);
  const messages = [{ role: "user", content: "Hi" }];
  const wanted = { model: "claude", max_tokens: 16, messages, stream: true };
  try {
    let text = "";
    for await (const event of await make().messages.create(wanted, { maxRetries: 0 })) {
      text += event.delta?.text ?? "";
      // The server sends no event before this one was read.
      fs.appendFileSync(process.env.SEEN, ".");
    }
    console.log(text === "one two" ? 200 : text);
  } catch (error) {
    if (!error.status) throw error;
    console.log(error.status);
  }
};

if (require.main === module) {
  exports.stream(() => new Anthropic({ fetchOptions: { dispatcher: new EnvHttpProxyAgent() } }));
}
