# nix-darwin: the proxy on the Mac, and a tunnel into each VM, as agents of the user.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.services.secret-proxy;

  # Older versions of nix-darwin have no primary user, and this as the home of everybody.
  home =
    let
      known = if cfg.user == null then null else config.users.users.${cfg.user}.home or null;
    in
    if known == null || known == "/var/empty" then "/Users/${toString cfg.user}" else toString known;

  options =
    import ./options.nix {
      inherit
        lib
        pkgs
        cfg
        home
        ;
      user = toString cfg.user;
      configHome = "${home}/.config";
      configHomeText = "/Users/\${user}/.config";
    }
    // {
      user = lib.mkOption {
        type = lib.types.nullOr lib.types.str;
        default = config.system.primaryUser or null;
        defaultText = lib.literalExpression "config.system.primaryUser";
        description = "Whose agents these are: the one who logs in on the screen, where 1Password asks.";
      };
    };

  commands = import ./commands.nix { inherit lib cfg options; };
  agents = import ./launchd.nix { inherit lib cfg commands; };

  alias =
    name:
    lib.mkAliasOptionModule
      [ "modules" "dev" "secret-proxy" name ]
      [ "services" "secret-proxy" name ];
in
{
  # The path that the script before this one had: modules.dev.secret-proxy.enable = true;
  imports = map alias (builtins.attrNames options);

  options.services.secret-proxy = options;

  config = lib.mkIf cfg.enable {
    assertions = commands.assertions ++ [
      {
        assertion = cfg.user != null;
        message = "services.secret-proxy.user is not known: set system.primaryUser.";
      }
    ];

    environment.systemPackages = [ cfg.package ];
    environment.variables = commands.sessionVariables;

    # nix-darwin wraps `command` so that it waits for the store to be mounted.
    launchd.user.agents = lib.mapAttrs (_: agent: {
      command = lib.escapeShellArgs agent.command;
      serviceConfig = agent.keys;
    }) agents;

    # launchd opens the files of an agent before the agent runs.
    system.activationScripts.extraActivation.text = ''
      /usr/bin/sudo --user=${lib.escapeShellArg (toString cfg.user)} -- /bin/mkdir -p -m 700 ${lib.escapeShellArg cfg.dir}
    '';
  };
}
