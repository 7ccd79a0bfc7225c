# The program, from the lock file: no hash to keep, as there is no dependency from git.
#
# No cmake, go, perl or bindgen: aws-lc-sys brings generated sources and bindings for the platforms below
# and takes the C compiler of stdenv.
{
  lib,
  stdenv,
  rustPlatform,
  python3,
}:

rustPlatform.buildRustPackage {
  pname = "secret-proxy";
  inherit ((builtins.fromTOML (builtins.readFile ../Cargo.toml)).workspace.package) version;

  # All but what the build does not read, so that an edit of a page builds nothing anew.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.difference ../. (
      lib.fileset.unions (
        map lib.fileset.maybeMissing [
          ../.git
          ../docs
          ../flake.lock
          ../flake.nix
          ../nix
          ../README.md
          ../result
          ../target
          ../tests/nix
        ]
      )
    );
  };

  cargoLock.lockFile = ../Cargo.lock;

  # The tests need curl, git, Node and minutes; `.ci/run` runs them. What is installed proves itself: the
  # demo sends a request and refuses a theft, and no fault can be switched on.
  doCheck = false;
  doInstallCheck = true;
  nativeInstallCheckInputs = [ python3 ];
  __darwinAllowLocalNetworking = true;
  installCheckPhase = ''
    runHook preInstallCheck
    $out/bin/secret-proxy demo
  ''
  # The builder's folder on macOS is too long a path for a Unix socket.
  + lib.optionalString stdenv.hostPlatform.isLinux ''
    python3 .ci/no-faults $out/bin/secret-proxy
  ''
  + ''
    runHook postInstallCheck
  '';

  meta = {
    description = "HTTP(S) proxy that injects secrets into HTTP requests, each only for the hosts you allow";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "secret-proxy";
    platforms = lib.platforms.linux ++ lib.platforms.darwin;
  };
}
