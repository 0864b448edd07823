# Completion of modeld for fish.
function __modeld_keys
    modeld help settings 2>/dev/null | string replace -rf '^  ([a-z][a-z0-9_]*) = .*' '$1='
end

complete -c modeld -f
complete -c modeld -n __fish_use_subcommand -a serve -d 'serve a database over HTTP'
complete -c modeld -n __fish_use_subcommand -a config -d 'print or check the configuration'
complete -c modeld -n __fish_use_subcommand -a models -d 'check, list, show, rewrite, export or import definitions'
complete -c modeld -n __fish_use_subcommand -a db -d 'make tables'
complete -c modeld -n __fish_use_subcommand -a list -d 'print rows of a model'
complete -c modeld -n __fish_use_subcommand -a get -d 'print one row'
complete -c modeld -n __fish_use_subcommand -a create -d 'add a row, or rows'
complete -c modeld -n __fish_use_subcommand -a update -d 'change rows'
complete -c modeld -n __fish_use_subcommand -a delete -d 'delete rows'
complete -c modeld -n __fish_use_subcommand -a count -d 'print how many rows there are'
complete -c modeld -n __fish_use_subcommand -a help -d 'explain a command'
complete -c modeld -n __fish_use_subcommand -a version -d 'print the version'
complete -c modeld -n '__fish_seen_subcommand_from config' -a 'show check'
complete -c modeld -n '__fish_seen_subcommand_from models' -a 'check list show fmt export import'
complete -c modeld -n '__fish_seen_subcommand_from db' -a create-tables
complete -c modeld -n '__fish_seen_subcommand_from help' -a 'serve config models db list get create update delete count settings'
complete -c modeld -l help -s h -d 'explain the command'
complete -c modeld -l version -n __fish_use_subcommand -d 'print the version'
complete -c modeld -l config -r -F -d 'configuration file'
complete -c modeld -l db -x -a 'sqlite:/// postgresql://' -d database
complete -c modeld -l listen -x -d 'HOST:PORT, [IPV6]:PORT or unix:PATH'
complete -c modeld -l models -r -F -d 'definition files'
complete -c modeld -l set -x -a '(__modeld_keys)' -d 'any other setting'
complete -c modeld -l ready-fd -x -n '__fish_seen_subcommand_from serve' -d 'where to say that it is ready'
complete -c modeld -l all -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from list export' -d 'abstract models, too'
complete -c modeld -l long -n '__fish_seen_subcommand_from fmt' -d 'no shorthand'
complete -c modeld -l force -n '__fish_seen_subcommand_from fmt' -d 'files with comments, too'
complete -c modeld -l format -x -n '__fish_seen_subcommand_from export' -a 'json json-schema openapi typescript sql dbml mermaid' -d 'what to write'
complete -c modeld -l from-db -n '__fish_seen_subcommand_from import' -d 'from the database'
complete -c modeld -l managed -n '__fish_seen_subcommand_from import' -d 'tables of modeld'
complete -c modeld -l out -r -F -n '__fish_seen_subcommand_from import' -d 'new file'
complete -c modeld -l dry-run -n '__fish_seen_subcommand_from create-tables' -d 'print the SQL'
complete -c modeld -l where -x -n '__fish_seen_subcommand_from list update delete count' -d 'COLUMN OPERATOR VALUE'
complete -c modeld -l select -x -n '__fish_seen_subcommand_from list get' -d 'what to show'
complete -c modeld -l order -x -n '__fish_seen_subcommand_from list' -d order
complete -c modeld -l limit -x -n '__fish_seen_subcommand_from list' -d 'at most so many rows'
complete -c modeld -l offset -x -n '__fish_seen_subcommand_from list' -d 'without the first rows'
complete -c modeld -l json -x -n '__fish_seen_subcommand_from create update' -d 'JSON, @FILE or -'
complete -c modeld -l all -n '__fish_seen_subcommand_from update delete' -d 'every row'
complete -c modeld -l dry-run -n '__fish_seen_subcommand_from create update delete' -d 'show, and undo'
complete -c modeld -l format -x -n '__fish_seen_subcommand_from list get create update delete; and not __fish_seen_subcommand_from models' -a 'json ndjson csv table' -d 'how to print'
complete -c modeld -n '__fish_seen_subcommand_from check list show fmt export create-tables' -F
