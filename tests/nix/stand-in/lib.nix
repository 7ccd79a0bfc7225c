# A stand-in for nixpkgs' lib: as much of it as the modules here use, written anew. It has the same names and,
# as far as these tests go, the same meaning; `nix flake check` runs the same cases with the real one.
let
  inherit (builtins)
    all
    attrNames
    concatLists
    concatStringsSep
    elem
    foldl'
    isAttrs
    isBool
    isInt
    isList
    listToAttrs
    match
    replaceStrings
    stringLength
    substring
    ;

  basic = rec {
    inherit all attrNames concatStringsSep elem replaceStrings;
    any = test: list: !(all (item: !(test item)) list);
    attrValues = builtins.attrValues;
    boolToString = value: if value then "true" else "false";
    concatMap = change: list: concatLists (map change list);
    concatMapStringsSep = between: change: list: concatStringsSep between (map change list);
    filter = builtins.filter;
    filterAttrs = test: set: listToAttrs (map (name: nameValuePair name set.${name}) (filter (name: test name set.${name}) (attrNames set)));
    genAttrs = names: value: listToAttrs (map (name: nameValuePair name (value name)) names);
    getAttrFromPath = path: set: foldl' (at: name: at.${name}) set path;
    hasPrefix = start: text: substring 0 (stringLength start) text == start;
    mapAttrs = builtins.mapAttrs;
    mapAttrs' = change: set: listToAttrs (map (name: change name set.${name}) (attrNames set));
    mapAttrsToList = change: set: map (name: change name set.${name}) (attrNames set);
    max = one: other: if one > other then one else other;
    nameValuePair = name: value: { inherit name value; };
    optional = yes: item: if yes then [ item ] else [ ];
    optionalAttrs = yes: set: if yes then set else { };
    optionalString = yes: text: if yes then text else "";
    optionals = yes: list: if yes then list else [ ];
    setAttrByPath = path: value: if path == [ ] then value else { ${builtins.head path} = setAttrByPath (builtins.tail path) value; };
    escapeShellArg =
      text: if match "[[:alnum:],._+:@%/-]+" text != null then text else "'${replaceStrings [ "'" ] [ "'\\''" ] text}'";
    escapeShellArgs = concatMapStringsSep " " escapeShellArg;
    licenses = genAttrs [ "mit" "asl20" ] (name: name);
    platforms = {
      linux = [ "x86_64-linux" "aarch64-linux" ];
      darwin = [ "x86_64-darwin" "aarch64-darwin" ];
    };
    literalExpression = text: text;
    literalMD = text: text;
    generators.toPlist =
      { escape }:
      value:
      let
        text = if escape then replaceStrings [ "&" "<" ">" ] [ "&amp;" "&lt;" "&gt;" ] else (it: it);
        item =
          value:
          if isBool value then
            (if value then "<true/>" else "<false/>")
          else if isInt value then
            "<integer>${toString value}</integer>"
          else if isList value then
            "<array>${concatStringsSep "" (map item value)}</array>"
          else if isAttrs value then
            "<dict>${concatStringsSep "" (basic.mapAttrsToList (key: value: "<key>${text key}</key>${item value}") value)}</dict>"
          else
            "<string>${text value}</string>";
      in
      ''<?xml version="1.0" encoding="UTF-8"?><plist version="1.0">${item value}</plist>'';
    # Source filters change what is built, not what is asked for here; files that are named must exist.
    fileset = {
      maybeMissing = file: file;
      unions = files: files;
      difference = folder: _: folder;
      toSource = { root, fileset }: assert builtins.pathExists fileset; root;
    };
  };

  # Conditions, priorities and order of definitions.
  properties = rec {
    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    mkOverride = priority: content: {
      _type = "override";
      inherit priority content;
    };
    mkOrder = order: content: {
      _type = "order";
      inherit order content;
    };
    mkOptionDefault = mkOverride 1500;
    mkDefault = mkOverride 1000;
    mkForce = mkOverride 50;
  };

  declare = {
    mkOption = fields: fields // { _type = "option"; };
    mkEnableOption = what: declare.mkOption {
      type = types.bool;
      default = false;
      description = "Whether to enable ${what}.";
    };
  };

  lib = basic // properties // declare // { inherit types; };
  modules = import ./modules.nix { inherit lib; };
  types = import ./types.nix {
    inherit lib;
    inherit (modules) evalModules evalDefinitions isDefined;
  };
in
lib // { inherit (modules) evalModules mkAliasOptionModule; }
