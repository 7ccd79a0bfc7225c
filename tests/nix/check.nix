# The cases again, as a check of the flake: with the real lib, and its real types and module system.
{ pkgs }:

let
  inherit (pkgs) lib;
  cases = import ./cases.nix { inherit lib; };

  # What depends on where the files are.
  fixed = case: removeAttrs case [ "plists" "warnings" ];
  golden = name: builtins.fromJSON (builtins.readFile (./golden + "/${name}.json"));
  plain = value: builtins.fromJSON (builtins.unsafeDiscardStringContext (builtins.toJSON value));

  differing = lib.filter (name: fixed (plain cases.good.${name}) != fixed (golden name)) (lib.attrNames cases.good);
  refused = plain cases.refused == golden "refused";
  accepted = lib.filter (name: (builtins.tryEval (builtins.deepSeq cases.bad.${name} true)).success) (lib.attrNames cases.bad);
in
if differing != [ ] then
  throw "cases that are not as in tests/nix/golden: ${toString differing}"
else if !refused then
  throw "assertions that are not as in tests/nix/golden/refused.json"
else if accepted != [ ] then
  throw "settings that should be refused: ${toString accepted}"
else
  pkgs.runCommand "secret-proxy-modules" { } "touch $out"
