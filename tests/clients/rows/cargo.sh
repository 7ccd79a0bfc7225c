# client: cargo
# version: run cargo --version
# http: 2
# proxy: https_proxy
# ca: CARGO_HTTP_CAINFO
# note: the token in `~/.cargo/credentials.toml`, for a sparse registry
mkdir -p ~/.cargo here/src
cat >~/.cargo/config.toml <<END
[registries.mine]
index = "sparse+$1/index/"
credential-provider = "cargo:token"
[net]
retry = 0
END
printf '[registries.mine]\ntoken = "%s"\n' "$2" >~/.cargo/credentials.toml
cd here
cat >Cargo.toml <<END
[package]
name = "here"
version = "0.1.0"
edition = "2021"
[dependencies]
demo = { version = "1", registry = "mine" }
END
touch src/lib.rs
cargo fetch --quiet >log 2>&1 || true
cat log >&2
ls ~/.cargo/registry/cache/*/demo-1.0.0.crate >/dev/null 2>&1 && echo 200 || sed -n 's/.*\(403\).*/\1/p' log | tail -1
