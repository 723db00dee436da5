{
  description = "semantest_iac: event-driven infrastructure for Semantest, one model, two clouds, a sandbox";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/26.05";
    # PythonEDA's definition repositories keep their own nixpkgs: they are written for the release that they pin.
    pythoneda-domain.url = "github:pythoneda-shared-pythonlang-def/domain/0.0.131";
    pythoneda-application = {
      url = "github:pythoneda-shared-pythonlang-def/application/0.0.125";
      inputs.pythoneda-shared-pythonlang-domain.follows = "pythoneda-domain";
    };
    pythoneda-iac-events = {
      url = "github:pythoneda-shared-iac-def/events/0.0.34";
      inputs.pythoneda-shared-pythonlang-domain.follows = "pythoneda-domain";
    };
  };

  outputs = { self, nixpkgs, pythoneda-domain, pythoneda-application, pythoneda-iac-events }:
    let
      inherit (nixpkgs) lib;
      inherit (lib.importTOML ./pyproject.toml) project;
      systems = [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ];
      readLines = file: lib.splitString "\n" (builtins.readFile file);

      # One system's packages, apps, devShells and checks.
      outputsFor = system:
        let
          pkgs = nixpkgs.legacyPackages.${system};
          python = pkgs.python312;

          # A wheel of requirements/nix.txt, which `make lock` writes.
          lockedWheel = name: arguments:
            let
              missing = throw "requirements/nix.txt holds no ${name}: run `make lock`";
              line = lib.findFirst (lib.hasPrefix "${name}==") missing (readLines ./requirements/nix.txt);
              fields = builtins.match "[^=]+==([^ ]+) --hash=sha256:([0-9a-f]+)" line;
              version = builtins.elemAt fields 0;
              fileName = builtins.replaceStrings [ "-" ] [ "_" ] name;
            in
            python.pkgs.buildPythonPackage (arguments // {
              pname = name;
              inherit version;
              format = "wheel";
              src = python.pkgs.fetchPypi {
                pname = fileName;
                inherit version;
                format = "wheel";
                dist = "py3";
                python = "py3";
                sha256 = builtins.elemAt fields 1;
              };
            });

          # What nixpkgs does not have, or in a version older than pyproject.toml asks for.
          wheels = with python.pkgs; {
            fast-depends = lockedWheel "fast-depends" { dependencies = [ anyio pydantic typing-extensions ]; };
            faststream = lockedWheel "faststream" {
              dependencies = [ anyio wheels.fast-depends typing-extensions ];
              optional-dependencies = {
                kafka = [ aiokafka ];
                nats = [ nats-py ];
                rabbit = [ aio-pika ];
                redis = [ python.pkgs.redis ];
              };
            };
            import-linter = lockedWheel "import-linter" {
              dependencies = [ click grimp rich ];
              pythonRelaxDeps = [ "grimp" ]; # is built with Rust, so its wheels are no wheels for every system
            };
            pulumi = lockedWheel "pulumi" {
              dependencies = [
                debugpy
                dill
                grpcio
                opentelemetry-api
                opentelemetry-exporter-otlp-proto-grpc
                opentelemetry-instrumentation-grpc
                opentelemetry-sdk
                packaging
                protobuf
                pyyaml
                semver
                typing-extensions
              ];
            };
            pulumi-aws = lockedWheel "pulumi-aws" { dependencies = [ packaging wheels.pulumi semver ]; };
            pulumi-azure-native = lockedWheel "pulumi-azure-native" { dependencies = [ parver wheels.pulumi semver ]; };
          };

          # The packages of requirements such as `moto[s3]>=5.1`, with those of their extras.
          packagesOf = lib.concatMap (requirement:
            let
              parts = builtins.match "([A-Za-z0-9-]+)(\\[([a-z0-9-]+)])?.*" requirement;
              name = builtins.elemAt parts 0;
              extra = builtins.elemAt parts 2;
              package = wheels.${name} or python.pkgs.${name};
            in
            [ package ] ++ lib.optionals (extra != null) (package.optional-dependencies.${extra} or [ ]));
          extras = project.optional-dependencies;

          library = python.pkgs.buildPythonPackage {
            pname = project.name;
            inherit (project) version;
            pyproject = true;
            # Only what is built into the wheel: a change of the tests or the documents builds nothing again.
            src = lib.fileset.toSource {
              root = ./.;
              fileset = lib.fileset.unions [
                ./CHANGELOG.md
                ./LICENSE
                ./Pulumi.yaml
                ./README.md
                ./events
                ./pyproject.toml
                ./semantest_iac
                ./tools/pulumi-cli
              ];
            };
            build-system = [ python.pkgs.hatchling ];
            dependencies =
              packagesOf (project.dependencies ++ extras.aws ++ extras.azure ++ extras.gateway ++ extras.telemetry);
            pythonImportsCheck = [ "semantest_iac" "semantest_iac_events" ];
          };

          # The tool starts its own modules and pip with the interpreter that runs it, which must find them:
          # buildPythonApplication tells only the first process where they are.
          runtime = python.withPackages (_: [ library python.pkgs.pip ]);
          semantest-iac = pkgs.runCommand "${project.name}-${project.version}"
            {
              nativeBuildInputs = [ pkgs.makeWrapper ];
              meta = {
                inherit (project) description;
                license = lib.licenses.gpl3Plus;
                mainProgram = "semantest-iac";
              };
            } ''
            # A real deployment needs Pulumi's CLI; functions for Node are built and run with Node.
            makeWrapper ${runtime}/bin/semantest-iac $out/bin/semantest-iac \
              --suffix PATH : ${lib.makeBinPath [ pkgs.pulumi-bin pkgs.nodejs ]}
          '';

          # Everything that the checks import, where make expects the virtual environment.
          environment = python.withPackages (_:
            packagesOf (project.dependencies ++ lib.concatLists (lib.attrValues extras)) ++ [ python.pkgs.hatchling ]);
          runMake = target: pkgs.runCommand "semantest-iac-${target}"
            { nativeBuildInputs = [ pkgs.gnumake pkgs.nodejs ]; } ''
            cp --recursive ${self} source
            chmod --recursive u+w source
            cd source
            export HOME=$TMPDIR PYTHONPATH=$PWD:$PWD/events
            mkdir .venv
            ln --symbolic ${environment}/bin .venv/bin
            for stamp in made deploy test; do touch .venv/$stamp.stamp; done
            patchShebangs .
            make ${target}
            touch $out
          '';

          # Those that PythonEDA brings and requirements/ does not: its grpcio must not stand before the locked one.
          normalizeName = name: builtins.replaceStrings [ "_" "." ] [ "-" "-" ] (lib.toLower name);
          locked = map (line: lib.head (lib.splitString "==" line)) (readLines ./requirements/test.txt);
          isLocked = package: builtins.elem (normalizeName package.pname) locked;
          pythonEda =
            let
              flakes = [ pythoneda-domain pythoneda-application pythoneda-iac-events ];
              packages = map (flake: flake.packages.${system}.default) flakes;
              withModules = package: [ package ] ++ package.requiredPythonModules;
            in
            builtins.filter (package: !isLocked package) (lib.unique (lib.concatMap withModules packages));

          # Python's packages come from requirements/ through make, here as everywhere; their wheels need two libraries.
          shell = {
            packages = [
              python
              pkgs.actionlint
              pkgs.git
              pkgs.gnumake
              pkgs.go
              pkgs.jq
              pkgs.nats-server
              pkgs.nodejs
              pkgs.postgresql
              pkgs.pulumi-bin
              pkgs.rabbitmq-server
              pkgs.redis
            ];
            LD_LIBRARY_PATH = lib.optionalString pkgs.stdenv.isLinux
              (lib.makeLibraryPath [ pkgs.stdenv.cc.cc pkgs.zlib ]);
          };
        in
        {
          packages = {
            default = semantest-iac;
            inherit library; # for Python programs that import semantest_iac
          };

          apps.default = {
            type = "app";
            program = lib.getExe semantest-iac;
            meta = { inherit (project) description; };
          };

          devShells = {
            # `nix develop -c make test` runs every check and every test.
            default = pkgs.mkShell shell;
            # `nix develop .#pythoneda`: the same, with PythonEDA to be found by its optional bridge.
            pythoneda = pkgs.mkShell (shell // { PYTHONPATH = lib.makeSearchPath python.sitePackages pythonEda; });
          };

          # The parts of `make check`, none of which needs a network, and a deployment in the sandbox.
          checks = lib.genAttrs [ "contracts" "fast-tests" "generated" "lint" "types" ] runMake // {
            package = semantest-iac;
            sandbox = pkgs.runCommand "semantest-iac-sandbox" { nativeBuildInputs = [ semantest-iac ]; } ''
              export HOME=$TMPDIR
              for provider in aws azure; do
                semantest-iac deploy --component rest-api --provider $provider
              done
              semantest-iac invoke rest-api.aws.development.us-east-1 GET /health
              semantest-iac destroy --everything --yes
              touch $out
            '';
          };
        };

      bySystem = lib.genAttrs systems outputsFor;
    in
    lib.genAttrs [ "packages" "apps" "devShells" "checks" ]
      (kind: lib.mapAttrs (_: outputs: outputs.${kind}) bySystem);
}
