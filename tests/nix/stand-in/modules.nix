# The stand-in's module system: collects modules, lays their definitions over their options, and refuses
# what no option declares.
{ lib }:

let
  inherit (builtins)
    attrNames
    concatLists
    concatMap
    concatStringsSep
    filter
    foldl'
    isAttrs
    isFunction
    mapAttrs
    sort
    ;

  show = concatStringsSep ".";
  kind = value: if isAttrs value then value._type or "" else "";

  # A set with conditions around it, as plain sets with the conditions inside: which names it has can be
  # told before any condition is known.
  pushDown =
    value:
    {
      "if" = map (mapAttrs (_: lib.mkIf value.condition)) (pushDown value.content);
      merge = concatMap pushDown value.contents;
      override = map (mapAttrs (_: lib.mkOverride value.priority)) (pushDown value.content);
      order = map (mapAttrs (_: lib.mkOrder value.order)) (pushDown value.content);
    }
    .${kind value} or [ value ];

  # A definition as what remains of it when its conditions are known.
  discharge =
    value:
    {
      "if" = if value.condition then discharge value.content else [ ];
      merge = concatMap discharge value.contents;
      override = map (it: it // { inherit (value) priority; }) (discharge value.content);
      order = map (it: it // { inherit (value) order; }) (discharge value.content);
    }
    .${kind value} or [
      {
        inherit value;
        priority = 100;
        order = 1000;
      }
    ];

  isDefined = definitions: concatMap discharge definitions != [ ];

  # The definitions of the strongest priority, as one value.
  evalDefinitions =
    place: type: definitions:
    let
      given = concatMap discharge definitions;
      strongest = foldl' (least: it: if it.priority < least then it.priority else least) 9999 given;
      heard = sort (one: other: one.order < other.order) (filter (it: it.priority == strongest) given);
      wrong = filter (it: !(type.check it.value)) heard;
    in
    if heard == [ ] then
      throw "The option `${show place}' is used but not defined"
    else if wrong != [ ] then
      throw "The option `${show place}' is not of type ${type.name}: ${builtins.toJSON (builtins.head wrong).value}"
    else
      type.merge place (map (it: it.value) heard);

  evalOption =
    place: option: definitions:
    let
      all = definitions ++ lib.optional (option ? default) (lib.mkOptionDefault option.default);
      value = evalDefinitions place (option.type or lib.types.anything) all;
    in
    option
    // {
      inherit definitions;
      value = if option ? apply then option.apply value else value;
    };

  mergeOptions =
    place: one: other:
    if kind one == "option" || kind other == "option" then
      throw "The option `${show place}' is declared twice"
    else
      one // mapAttrs (name: value: if one ? ${name} then mergeOptions (place ++ [ name ]) one.${name} value else value) other;

  # Options with their values, and the places of definitions that have no option.
  evalTree =
    place: tree: sets:
    let
      named = name: concatMap (set: lib.optional (set ? ${name}) set.${name}) sets;
      inner =
        name: node:
        if kind node == "option" then
          {
            options = evalOption (place ++ [ name ]) node (named name);
            strays = [ ];
          }
        else
          evalTree (place ++ [ name ]) node (concatMap pushDown (named name));
      nodes = mapAttrs inner tree;
      unknown = filter (name: !(tree ? ${name})) (concatMap attrNames sets);
    in
    {
      options = mapAttrs (_: node: node.options) nodes;
      strays = map (name: show (place ++ [ name ])) unknown ++ concatLists (map (node: node.strays) (builtins.attrValues nodes));
    };

  values = node: if kind node == "option" then node.value else mapAttrs (_: values) node;

  collect =
    args: module:
    let
      loaded = if builtins.isPath module then import module else module;
      plain = if isFunction loaded then loaded args else loaded;
      long = plain ? options || plain ? config;
    in
    [
      {
        options = plain.options or { };
        config = if long then plain.config or { } else removeAttrs plain [ "imports" ];
      }
    ]
    ++ concatMap (collect args) (plain.imports or [ ]);

  evalModules =
    {
      modules,
      specialArgs ? { },
      place ? [ ],
    }:
    let
      args = { inherit lib; } // specialArgs // {
        inherit config;
        inherit (result) options;
      };
      collected = concatMap (collect args) modules;
      tree = foldl' (mergeOptions place) { } (map (module: module.options) collected);
      result = evalTree place tree (concatMap (module: pushDown module.config) collected);
      config = values result.options;
    in
    {
      inherit (result) options;
      config =
        if result.strays == [ ] then config else throw "The option `${builtins.head result.strays}' does not exist";
    };
in
{
  inherit evalModules evalDefinitions isDefined;

  # Another name for an option: what is defined there counts here, with its priority.
  mkAliasOptionModule =
    from: to:
    { config, options, ... }:
    {
      options = lib.setAttrByPath from (lib.mkOption { apply = _: lib.getAttrFromPath to config; });
      config = lib.setAttrByPath to (lib.mkMerge (lib.getAttrFromPath from options).definitions);
    };
}
