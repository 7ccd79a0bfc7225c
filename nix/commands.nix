# The commands of the proxy and its tunnels, and assertions about the options, shared by the nix-darwin and the
# home-manager module.
{
  lib,
  cfg,
  options,
}:

let
  program = "${cfg.package}/bin/secret-proxy";

  declared = builtins.fromJSON (builtins.readFile ./settings.json);

  # The settings by flag; one without a value is left to settings.env and the program.
  given = lib.filterAttrs (_: value: value != null && value != [ ]) (
    builtins.listToAttrs (map (it: lib.nameValuePair it.flag cfg.${it.option}) declared.settings)
  );

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
  # The proxy's command. It has flags rather than variables: the program reports an unknown flag.
  run = [
    program
    "run"
    "--dir=${cfg.dir}"
  ]
  ++ lib.mapAttrsToList (name: value: "--${name}=${text value}") given;

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
    ++ lib.optional (cfg.port != declared.port) "--guest-port=${toString cfg.port}"
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

  # For `check`, `status` and other commands, so that they use the folder of the proxy.
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
