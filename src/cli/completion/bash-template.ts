/**
 * The fixed part of the bash script. `@{` stands for `${`, which TypeScript would treat as a placeholder. Words in
 * capitals are replaced.
 */
export const BASH_TEMPLATE = String.raw`# bash completion of BIN, generated from its commands; BIN completion bash prints it.

# Splits the line up to the cursor only at spaces, into words and cur. bash has also split it at = and :, which occur in
# flags with their values and in URLs.
_BIN_split() {
  local rest=@{COMP_LINE:0:COMP_POINT} trimmed i
  for ((i = 0; i < COMP_CWORD; i++)); do
    trimmed=@{rest#"@{rest%%[![:space:]]*}"}
    if ((i > 0)) && [[ $trimmed == "$rest" ]]; then
      words[@{#words[@]} - 1]+=@{COMP_WORDS[i]}
    else
      words+=("@{COMP_WORDS[i]}")
    fi
    rest=@{trimmed#"@{COMP_WORDS[i]}"}
  done
  cur=@{rest#"@{rest%%[![:space:]]*}"}
  if [[ $cur == "$rest" ]]; then
    cur=@{words[@{#words[@]} - 1]}$rest
    unset "words[@{#words[@]} - 1]"
  fi
}

_BIN_flags() {
  kind=choices choices=''
  case $1 in
    FLAG_CASES
  esac
}

# What the flag of the command takes: kind and choices, and optional if its value follows = or is missing.
# Fails if it takes no value.
_BIN_value() {
  kind='' choices='' optional=''
  case $1 in
    VALUE_CASES
  esac
  [[ $kind ]]
}

# What the argument of the command with this number can be.
_BIN_word() {
  kind=none choices=''
  case $1 in
    WORD_CASES
  esac
}

# Counts the arguments before the cursor, and finds --url, -- and a flag whose value is being completed.
_BIN_scan() {
  local i
  for ((i = 2; i < @{#words[@]}; i++)); do
    case @{words[i]} in
      --) ended=1; continue ;;
      --url) url=@{words[i + 1]-} ;;
      --url=*) url=@{words[i]#*=} ;;
    esac
    if [[ $ended || @{words[i]} != -?* ]]; then
      ((count++))
    elif _BIN_value "$command:@{words[i]}" && [[ ! $optional ]]; then
      ((++i == @{#words[@]})) && wanted=@{words[i - 1]}
    fi
  done
}

# Adds the names that are known without asking a server to COMPREPLY, quoted like the word at the cursor.
_BIN_known() {
  local typed=$2 name names=() quote=''
  case $typed in
    "'"*) quote=single typed=@{typed:1} typed=@{typed//"'\''"/"'"} ;;
    '"'*) quote=double typed=@{typed:1} typed=@{typed//\\/} ;;
    *) typed=@{typed//\\/} ;;
  esac
  mapfile -t names < <(
    [[ $url ]] && export HYPER2KVM_URL=$url
    "$program" __complete "$1" "$typed" </dev/null 2>/dev/null
  )
  for name in "@{names[@]}"; do
    [[ $name == "$typed"* ]] || continue
    case $quote in
      single) name=@{name//"'"/"'\''"} ;;
      double) name=@{name//\\/\\\\} name=@{name//\"/\\\"} name=@{name//\$/\\\$} name=@{name//$'\x60'/\\$'\x60'} ;;
      *) printf -v name %q "$name" ;;
    esac
    COMPREPLY+=("$name")
  done
}

# Completes a word by its kind. The first argument is what precedes it in the same word, such as --format=.
_BIN_complete() {
  local i
  case $kind in
    choices) mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$2") ;;
    vms | jobs | running-jobs) _BIN_known "$kind" "$2" ;;
    files) compopt -o default ;;
    folders) compopt -o dirnames ;;
  esac
  # readline replaces only what follows the last = or :, if these separate words.
  for i in "@{!COMPREPLY[@]}"; do
    COMPREPLY[i]=$1@{COMPREPLY[i]}
    COMPREPLY[i]=@{COMPREPLY[i]#"$fixed"}
    [[ @{COMPREPLY[i]} == *= ]] && compopt -o nospace
  done
}

_BIN() {
  local program=@{1/#\~\//$HOME/} words=() cur kind choices optional fixed url='' count=0 ended='' wanted=''
  COMPREPLY=()
  _BIN_split
  local command=@{words[1]-}
  fixed=@{cur%"$2"}
  [[ $fixed == [\'\"] ]] && fixed=''
  if ((@{#words[@]} == 1)); then
    kind=choices choices='COMMANDS help --help --version'
    _BIN_complete '' "$cur"
    return
  fi
  if [[ $command == help ]]; then
    kind=choices choices='COMMANDS'
    ((@{#words[@]} == 2)) && _BIN_complete '' "$cur"
    return
  fi
  _BIN_scan
  if [[ $wanted ]]; then
    _BIN_value "$command:$wanted" && _BIN_complete '' "$cur"
  elif [[ ! $ended && $cur == --*=* ]]; then
    _BIN_value "$command:@{cur%%=*}" && _BIN_complete "@{cur%%=*}=" "@{cur#*=}"
  elif [[ ! $ended && $cur == -* ]]; then
    _BIN_flags "$command"
    _BIN_complete '' "$cur"
  else
    _BIN_word "$command:$count"
    _BIN_complete '' "$cur"
  fi
}

complete -F _BIN BIN
`;
