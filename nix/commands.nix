# What the options become: the commands of the proxy and its tunnels, and what must hold. The nix-darwin and
# the home-manager module share it.
{
  lib,
  cfg,
  options,
}:

let
  program = "${cfg.package}/bin/secret-proxy";

  given = {
    inherit (cfg)
      intercept
      listen
      log
      notify
      passthrough
      resolve
      secrets
      workers
      ;
    allow-net = cfg.allowNet;
    approval-wait = cfg.approvalWait;
    audit-bytes = cfg.auditBytes;
    audit-keep = cfg.auditKeep;
    audit-sync = cfg.auditSync;
    deny-private = cfg.denyPrivate;
    listen-anywhere = cfg.listenAnywhere;
    max-sessions = cfg.maxSessions;
    secrets-ttl = cfg.secretsTtl;
    upstream-ca = cfg.upstreamCa;
    upstream-proxy = cfg.upstreamProxy;
  };

  text =
    value:
    if builtins.isBool value then
      lib.boolToString value
    else if builtins.isList value then
      lib.concatStringsSep "," value
    else if builtins.isInt value then
      toString value
    else
      "${value}";

  loopback = address: lib.any (start: lib.hasPrefix start address) [ "127." "[::1]:" "unix:" ];
in
{
  # The proxy's command. Flags rather than variables: a program that does not know one says so.
  run = [
    program
    "run"
    "--dir=${cfg.dir}"
  ]
  ++ lib.mapAttrsToList (name: value: "--${name}=${text value}") (
    lib.filterAttrs (_: value: value != null && value != [ ]) given
  );

  # The command of each tunnel, by the name of its VM.
  tunnels = lib.mapAttrs (
    name: way:
    [
      program
      "tunnel"
      name
      "--dir=${cfg.dir}"
    ]
    ++ lib.optional (cfg.tunnelMode != "dedicated") "--mode=${cfg.tunnelMode}"
    ++ lib.optional (cfg.tunnelTarget != "socket") "--target=${cfg.tunnelTarget}"
    ++ lib.optional (cfg.port != 17329) "--guest-port=${toString cfg.port}"
    ++ way
  ) (
    lib.genAttrs cfg.limaInstances (_: [ ])
    // lib.mapAttrs (_: vm: [
      "--ssh-config=${vm.sshConfig}"
      "--host=${vm.host}"
    ]) cfg.sshTunnels
  );

  # Launchd has no session variables, and systemd may not have them yet.
  tunnelEnvironment = {
    LIMA_HOME = cfg.limaHome;
    PATH = lib.concatStringsSep ":" cfg.tunnelPath;
  };

  # For `check`, `status` and the others, so that they look where the proxy does.
  sessionVariables = {
    SECRET_PROXY_DIR = cfg.dir;
  }
  // lib.optionalAttrs (cfg.secrets != null) { SECRET_PROXY_SECRETS = cfg.secrets; };

  assertions = [
    {
      assertion = cfg.listenAnywhere == true || lib.all loopback cfg.listen;
      message = "services.secret-proxy.listen has an address that other machines can reach: use 127.0.0.1, or set listenAnywhere if that is wanted.";
    }
    {
      assertion = cfg.secrets == null || !(lib.hasPrefix builtins.storeDir cfg.secrets);
      message = "services.secret-proxy.secrets is in the Nix store, where everybody may read it: write the path as a text, outside of the store.";
    }
    {
      assertion = !cfg.socketActivation || cfg.listen == options.listen.default;
      message = "services.secret-proxy.socketActivation knows only `port` and the socket in `dir`: leave `listen` alone.";
    }
    {
      assertion = lib.all (name: !(cfg.sshTunnels ? ${name})) cfg.limaInstances;
      message = "services.secret-proxy: a VM is in both limaInstances and sshTunnels.";
    }
    {
      assertion = lib.all (name: builtins.match "[A-Za-z0-9][A-Za-z0-9._-]*" name != null) (
        lib.attrNames cfg.sshTunnels
      );
      message = "services.secret-proxy.sshTunnels: a name has other characters than letters, digits, '.', '_' and '-'.";
    }
  ];
}
