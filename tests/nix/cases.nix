# Each module under several configurations, as plain values. `run` compares them with golden/*.json.
{
  lib ? import ./stand-in/lib.nix,
}:

let
  pkgsOf = system: import ./stand-in/pkgs.nix { inherit lib system; };

  # What home-manager adds to lib.
  extended = lib // {
    hm.dag.entryBetween = before: after: data: { inherit before after data; };
  };

  evaluate =
    system: world: module: configuration:
    (lib.evalModules {
      modules = [ world module configuration ];
      specialArgs = {
        lib = extended;
        pkgs = pkgsOf system;
      };
    }).config;

  set = lib.filterAttrs (_: value: value != null);
  rendered = lib.mapAttrs (_: value: if builtins.isAttrs value then rendered (set value) else value);
  agent = keys: rendered (set keys);
  # As nix-darwin and home-manager write them to disk; not a part of the golden files.
  plists = lib.mapAttrs (_: lib.generators.toPlist { escape = true; });

  common = config: {
    failed = map (it: it.message) (lib.filter (it: !it.assertion) config.assertions);
    inherit (config) warnings;
  };

  darwin =
    configuration:
    let
      config = evaluate "aarch64-darwin" ./stand-in/nix-darwin.nix ../../nix/darwin-module.nix configuration;
      agents = lib.mapAttrs (_: it: agent it.serviceConfig) config.launchd.user.agents;
    in
    common config
    // {
      inherit agents;
      plists = plists agents;
      variables = config.environment.variables;
      packages = map (it: it.name) config.environment.systemPackages;
      activation = config.system.activationScripts.extraActivation.text;
    };

  home =
    system: configuration:
    let
      config = evaluate system ./stand-in/home-manager.nix ../../nix/home-module.nix configuration;
      agents = lib.mapAttrs (_: it: agent it.config) (lib.filterAttrs (_: it: it.enable) config.launchd.agents);
    in
    common config
    // {
      inherit agents;
      plists = plists agents;
      inherit (config.systemd.user) services sockets;
      variables = config.home.sessionVariables;
      packages = map (it: it.name) config.home.packages;
      activation = config.home.activation;
    };

  nixos =
    configuration:
    let
      config = evaluate "aarch64-linux" ./stand-in/nixos.nix ../../nix/nixos-module.nix configuration;
    in
    common config
    // {
      variables = config.environment.sessionVariables;
      etc = lib.mapAttrs (_: it: it.source) config.environment.etc;
      trusted = config.security.pki.certificateFiles;
      services = config.systemd.services;
      sshd = config.services.openssh.settings;
    };

  me = services: {
    system.primaryUser = "me";
    services.secret-proxy = { enable = true; } // services;
  };
  homeOf = services: { services.secret-proxy = { enable = true; } // services; };
  client = services: { services.secret-proxy-client = { enable = true; } // services; };

  # Every setting, with values that quoting could spoil.
  everything = {
    dir = "/Users/me/R&D \"50%\" it's $HOME\\";
    port = 18000;
    listen = [ "127.0.0.1:18000" "[::1]:18000" "unix:p.sock" ];
    listenAnywhere = false;
    secrets = "/Users/me/se crets.env";
    namespaces = [ "work=op:abc-1" "play=run:/opt/se crets" ];
    op = "/opt/homebrew/bin/op";
    opTokenFile = "/Users/me/op token";
    secretsTtl = 0;
    approvalWait = "1m 30s";
    notify = false;
    upstreamCa = ./stand-in/ca.pem;
    upstreamProxy = "http://proxy.example.com:3128";
    upstreamProxyExcept = [ "intranet.example.com" ];
    allowNet = [ "127.0.0.0/8" "::1/128" ];
    denyPrivate = true;
    passthrough = [ "pinned.example.com" "*.example.org" ];
    intercept = "listed";
    resolve = [ "git.example.com:443:10.0.0.7" ];
    auditSync = "always";
    auditBytes = "1GiB";
    auditKeep = 12;
    maxSessions = 20000;
    workers = 2;
    log = "info,hyper=warn";
    stdoutPath = "/Users/me/proxy.out";
    stderrPath = "/Users/me/proxy.err";
    limaInstances = [ "work" "my-vm.2" ];
    sshTunnels.build = {
      sshConfig = "/Users/me/.ssh/config";
      host = "build-vm";
    };
    tunnelMode = "shared";
    tunnelTarget = "port";
    tunnelPath = [ "/opt/lima/bin" "/usr/bin" ];
    limaHome = "/Users/me/VM s";
  };

  sshd = settings: {
    services.openssh = {
      enable = true;
      inherit settings;
    };
  };
in
{
  good = {
    darwin-off = darwin { };
    darwin-default = darwin (me { });
    darwin-alias = darwin {
      system.primaryUser = "me";
      modules.dev.secret-proxy.enable = true;
      modules.dev.secret-proxy.limaInstances = [ "default" ];
      modules.dev.secret-proxy.secretsTtl = lib.mkForce "60s";
      services.secret-proxy.secretsTtl = "10s";
    };
    darwin-one-vm = darwin (me { limaInstances = [ "work" ]; });
    darwin-sockets = darwin (me { port = 18000; socketActivation = true; });
    darwin-everything = darwin (me everything);
    darwin-other-home = darwin (me { } // { users.users.me.home = "/Volumes/Home/me"; });
    darwin-open-to-others-wanted = darwin (me { listen = [ "0.0.0.0:17329" ]; listenAnywhere = true; });

    home-darwin = home "aarch64-darwin" ({ home.homeDirectory = "/Users/me"; } // homeOf { limaInstances = [ "work" ]; });
    home-darwin-everything = home "aarch64-darwin" ({ home.homeDirectory = "/Users/me"; } // homeOf everything);
    home-linux = home "x86_64-linux" (homeOf { limaInstances = [ "work" ]; });
    home-linux-sockets = home "x86_64-linux" (homeOf { socketActivation = true; });
    home-linux-everything = home "x86_64-linux" (homeOf everything);
    home-off = home "x86_64-linux" { };

    nixos-off = nixos { };
    nixos-default = nixos (lib.mkMerge [ (client { caFile = ./stand-in/ca.pem; systemdServices = [ "my-agent" ]; }) (sshd { }) ]);
    nixos-no-ca-yet = nixos (client { caFile = ./stand-in/absent.pem; });
    nixos-no-ca = nixos (client { port = 18000; noProxy = [ "localhost" ".internal" ]; });
    nixos-without-nix = nixos (client { caFile = ./stand-in/ca.pem; } // { nix.enable = false; });
    nixos-yields = nixos {
      services.secret-proxy-client.enable = true;
      environment.sessionVariables.SSL_CERT_FILE = "/etc/other.pem";
      networking.proxy.noProxy = "*";
      services.openssh.settings.ClientAliveInterval = 5;
    };

    package =
      let
        package = (import ../../nix { pkgs = pkgsOf "x86_64-linux"; }).package.arguments;
      in
      {
        inherit (package) pname version doCheck doInstallCheck installCheckPhase meta;
        locked = builtins.pathExists package.cargoLock.lockFile;
        built = builtins.pathExists (package.src + "/Cargo.toml");
      };

    flake =
      let
        outputs = (import ../../flake.nix).outputs {
          self = outputs;
          nixpkgs = {
            inherit lib;
            legacyPackages = lib.genAttrs [ "aarch64-darwin" "x86_64-darwin" "aarch64-linux" "x86_64-linux" ] pkgsOf;
          };
        };
      in
      {
        names = lib.mapAttrs (_: builtins.attrNames) (removeAttrs outputs [ "overlays" ]);
        checks = lib.mapAttrs (_: builtins.attrNames) outputs.checks;
        overlaid = (outputs.overlays.default (pkgsOf "x86_64-linux") { }).secret-proxy.name;
        packages = lib.mapAttrs (_: it: it.default.name) outputs.packages;
        shells = lib.mapAttrs (_: it: it.default.name) outputs.devShells;
        modules = map builtins.pathExists [ outputs.darwinModules.default outputs.homeModules.default outputs.nixosModules.default ];
      };
  };

  # Must fail an assertion, and only that one.
  refused = lib.mapAttrs (_: case: case.failed) {
    darwin-nobody = darwin { services.secret-proxy.enable = true; };
    darwin-open-to-others = darwin (me { listen = [ "0.0.0.0:17329" ]; });
    darwin-secrets-in-store = darwin (me { secrets = "/nix/store/00000000000000000000000000000000-secrets.env"; });
    darwin-sockets-elsewhere = darwin (me { listen = [ "127.0.0.1:1" ]; socketActivation = true; });
    darwin-vm-twice = darwin (me { limaInstances = [ "build" ]; inherit (everything) sshTunnels; });
    darwin-odd-vm = darwin (me { sshTunnels."a b" = everything.sshTunnels.build; });
    home-open-to-others = home "x86_64-linux" (homeOf { listen = [ "[::]:17329" ]; });
    nixos-no-forwarding = nixos (lib.mkMerge [ (client { }) (sshd { AllowTcpForwarding = "local"; }) ]);
    nixos-gateway = nixos (lib.mkMerge [ (client { }) (sshd { AllowTcpForwarding = true; GatewayPorts = "yes"; }) ]);
  };

  # Must not evaluate, and must say which option it is.
  bad = {
    "services.secret-proxy.port" = darwin (me { port = 70000; });
    "services.secret-proxy.dir" = darwin (me { dir = "~/.config/secret-proxy"; });
    "services.secret-proxy.secrets" = darwin (me { secrets = ./stand-in/ca.pem; });
    "services.secret-proxy.secretsTtl" = darwin (me { secretsTtl = "soon"; });
    "services.secret-proxy.intercept" = darwin (me { intercept = "some"; });
    "services.secret-proxy.auditSync" = darwin (me { auditSync = "never"; });
    "services.secret-proxy.workers" = darwin (me { workers = 0; });
    "services.secret-proxy.listen" = darwin (me { listen = "127.0.0.1:1"; });
    "services.secret-proxy.limaInstances" = darwin (me { limaInstances = [ "a b" ]; });
    "services.secret-proxy.sshTunnels.build.host" = darwin (me { sshTunnels.build.sshConfig = "/x"; });
    "services.secret-proxy.prot" = darwin (me { prot = 1; });
    "services.secret-proxy-client.port" = nixos (client { port = "17329"; });
    "services.secret-proxy-client.caFile" = nixos (client { caFile = "relative.pem"; });
  };
}
