# The stand-in's types: a check, and how definitions that passed it become one value.
{
  lib,
  evalModules,
  evalDefinitions,
  isDefined,
}:

let
  inherit (builtins)
    all
    concatStringsSep
    foldl'
    head
    isAttrs
    isInt
    isString
    match
    ;

  show = concatStringsSep ".";

  equal =
    place: values:
    if all (value: value == head values) values then
      head values
    else
      throw "The option `${show place}' has conflicting definitions: ${builtins.toJSON values}";

  type = name: check: {
    inherit name check;
    merge = equal;
  };
  pathLike = value: builtins.isPath value || (isString value && match "/.*" value != null) || (isAttrs value && value ? outPath);
in
rec {
  bool = type "boolean" builtins.isBool;
  int = type "integer" isInt;
  str = type "string" isString;
  path = type "path" pathLike;
  package = type "package" (value: isAttrs value && value.type or "" == "derivation");
  anything = type "anything" (_: true);
  port = ints.between 0 65535 // { name = "16 bit unsigned integer"; };
  ints = {
    between = low: high: type "integer from ${toString low} to ${toString high}" (value: isInt value && low <= value && value <= high);
    positive = type "positive integer" (value: isInt value && value > 0);
    unsigned = type "unsigned integer" (value: isInt value && value >= 0);
  };
  strMatching = pattern: type "string matching ${pattern}" (value: isString value && match pattern value != null);
  enum = values: type "one of ${builtins.toJSON values}" (value: builtins.elem value values);
  lines = str // { merge = _: concatStringsSep "\n"; };

  nullOr = inner: {
    name = "null or ${inner.name}";
    check = value: value == null || inner.check value;
    merge = place: values: if all (value: value == null) values then null else inner.merge place values;
  };
  either = one: other: {
    name = "${one.name} or ${other.name}";
    check = value: one.check value || other.check value;
    merge = place: values: (if all one.check values then one else other).merge place values;
  };
  oneOf = list: foldl' either (head list) (builtins.tail list);

  listOf = inner: {
    name = "list of ${inner.name}";
    check = builtins.isList;
    merge = place: values: map (item: evalDefinitions (place ++ [ "[]" ]) inner [ item ]) (builtins.concatLists values);
  };
  attrsOf = inner: {
    name = "attribute set of ${inner.name}";
    check = isAttrs;
    merge =
      place: values:
      let
        of = name: builtins.concatMap (set: lib.optional (set ? ${name}) set.${name}) values;
        # A name whose conditions are all false is none.
        names = builtins.filter (name: isDefined (of name)) (builtins.attrNames (foldl' (all: set: all // set) { } values));
      in
      lib.genAttrs names (name: evalDefinitions (place ++ [ name ]) inner (of name));
  };
  submodule = module: {
    name = "submodule";
    check = value: isAttrs value || builtins.isFunction value;
    merge =
      place: values:
      (evalModules {
        modules = (if builtins.isList module then module else [ module ]) ++ map (config: { inherit config; }) values;
        specialArgs.name = builtins.elemAt place (builtins.length place - 1);
        inherit place;
      }).config;
  };
}
