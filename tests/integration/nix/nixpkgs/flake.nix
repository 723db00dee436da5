# Stands for nixpkgs where flake.nix is evaluated without a network: the functions that flake.nix calls, with the
# arguments that the real ones take, and packages by their real names that build nothing.
{
  outputs = _:
    let
      lib = rec {
        inherit (builtins) attrValues concatLists concatMap elem head mapAttrs;
        concatStringsSep = builtins.concatStringsSep;
        fileset = {
          toSource = { root, fileset }: assert builtins.pathExists root; builtins.deepSeq fileset root;
          unions = map (path: if builtins.pathExists path then path else throw "the file set holds no ${toString path}");
        };
        findFirst = test: default: list: let found = builtins.filter test list; in if found == [ ] then default else head found;
        getExe = package: "${package}/bin/${package.meta.mainProgram}";
        hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
        importTOML = path: builtins.fromTOML (builtins.readFile path);
        licenses.gpl3Plus.spdxId = "GPL-3.0-or-later";
        makeBinPath = makeSearchPath "bin";
        makeLibraryPath = makeSearchPath "lib";
        makeSearchPath = folder: packages: concatStringsSep ":" (map (package: "${package}/${folder}") packages);
        optionalString = condition: text: if condition then text else "";
        optionals = condition: list: if condition then list else [ ];
        splitString = separator: text: builtins.filter builtins.isString (builtins.split separator text);
        toLower = builtins.replaceStrings upperCase lowerCase;
        unique = builtins.foldl' (found: each: if elem each found then found else found ++ [ each ]) [ ];
      };
      genAttrs = names: value: builtins.listToAttrs (map (name: { inherit name; value = value name; }) names);
      splitLetters = text: builtins.filter (each: each != "" && builtins.isString each) (builtins.split "" text);
      upperCase = splitLetters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
      lowerCase = splitLetters "abcdefghijklmnopqrstuvwxyz";

      packagesFor = system:
        let
          build = name: environment: derivation ({ inherit name system; builder = "/bin/sh"; } // environment);
          named = pname: build pname { } // { inherit pname; };
          byName = names: builtins.listToAttrs (map (name: { inherit name; value = named name; }) names);

          buildPythonPackage =
            { pname
            , version
            , src
            , format ? null
            , pyproject ? null
            , build-system ? [ ]
            , dependencies ? [ ]
            , optional-dependencies ? { }
            , pythonImportsCheck ? [ ]
            , pythonRelaxDeps ? [ ]
            , meta ? { }
            }:
            assert (pyproject == true) != (format == "wheel");
            build "python3.12-${pname}-${version}" { inherit src pythonImportsCheck; inputs = build-system ++ dependencies; }
            // { inherit pname version dependencies optional-dependencies pythonRelaxDeps meta; };

          fetchPypi = { pname, version, format, dist, python, sha256 }:
            assert builtins.match "[0-9a-f]{64}" sha256 != null;
            build "${pname}-${version}-${python}-none-any.whl" { inherit format dist sha256; };

          python312 = named "python3" // {
            sitePackages = "lib/python3.12/site-packages";
            pkgs = byName (builtins.filter builtins.isString (builtins.split "\n" (builtins.readFile ./python_packages.txt)))
              // { inherit buildPythonPackage fetchPypi; moto = named "moto" // { optional-dependencies.s3 = [ (named "py-partiql-parser") ]; }; };
            withPackages = select:
              let packages = select python312.pkgs;
              in build "python3-env" { inherit packages; } // { inherit packages; };
          };
        in
        byName [
          "actionlint"
          "git"
          "gnumake"
          "go"
          "jq"
          "makeWrapper"
          "nats-server"
          "nodejs"
          "postgresql"
          "pulumi-bin"
          "rabbitmq-server"
          "redis"
          "zlib"
        ] // {
          inherit python312;
          mkShell = { packages, ... }@environment: build "shell" environment // environment;
          runCommand = name: environment: script:
            build name (removeAttrs environment [ "meta" ] // { inherit script; }) // environment // { inherit script; };
          stdenv = { cc.cc = named "gcc"; isLinux = builtins.match ".*-linux" system != null; };
        };
    in
    {
      lib = lib // { inherit genAttrs; };
      legacyPackages = genAttrs [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ] packagesFor;
    };
}
