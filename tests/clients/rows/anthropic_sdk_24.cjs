// client: Node 24: @anthropic-ai/sdk, streaming
// version: npm @anthropic-ai/sdk
// with: node24
// host: api.anthropic.com
// http: 1.1
// proxy: https_proxy NODE_USE_ENV_PROXY
// ca: NODE_EXTRA_CA_CERTS
const { Anthropic } = require("@anthropic-ai/sdk");
const { stream } = require("./anthropic_sdk.cjs");

stream(() => new Anthropic());
