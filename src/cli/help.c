/* Texts made from the tables: --help, the man page, completions. */
#include "cli/command.h"

static const char exit_statuses[] =
    "exit status:\n"
    "  0  done, or stopped when asked to\n"
    "  1  a test of the catalog failed\n"
    "  2  the operator has to act: settings, credentials, catalog, command line\n"
    "  3  nobody has to: trying again later may help\n"
    "  4  the other system answers wrongly\n"
    "  5  a connector broke its protocol\n"
    "  6  memory, disk or descriptors ran out\n"
    "  7  a bug of ours or of a connector\n";

/* Appends text wrapped at 80 columns behind an indent. */
static void wrapped(buf *out, const char *text, size_t indent)
{
    size_t column = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");
        if (column && column + 1 + n > 80) {
            buf_addc(out, '\n');
            column = 0;
        }
        if (column)
            buf_addc(out, ' ');
        for (; column < indent; column++)
            buf_addc(out, ' ');
        buf_add(out, p, n);
        column += n + 1;
        p += n;
        while (*p == ' ')
            p++;
    }
    if (column)
        buf_addc(out, '\n');
}

static void option_line(buf *out, const cli_option *o)
{
    size_t at = out->len;
    buf_printf(out, "  --%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    while (out->len - at < 28)
        buf_addc(out, ' ');
    buf_printf(out, " %s\n", o->help);
}

static void command_help(const cli_command *c, buf *out)
{
    buf_printf(out, "weir %s - %s\n\nusage: weir %s %s\n\n", c->name, c->summary, c->name, c->usage);
    wrapped(out, c->description, 0);
    buf_addc(out, '\n');
    for (const char *const *n = c->options; *n; n++)
        option_line(out, cli_option_find(*n, strlen(*n)));
}

void cli_help(const cli_command *c, buf *out)
{
    if (c) {
        command_help(c, out);
        return;
    }
    buf_printf(out, "weir %s - runs and drives data connectors\n\nusage: weir COMMAND [OPTION...]\n\n", weir_version());
    for (c = cli_commands; c->name; c++)
        buf_printf(out, "  %-16s %s\n", c->name, c->summary);
    buf_adds(out, "\nweir COMMAND --help says more. Logs go to standard error: LOG_LEVEL is error, warn, info,\ndebug or trace; LOG_FORMAT is json, text or color.\n\n");
    buf_adds(out, exit_statuses);
}

/* ---- man page (man(7) macros) ---- */

static void roff(buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '-' || *text == '\\')
            buf_addc(out, '\\');
        buf_addc(out, *text);
    }
}

void cli_man(buf *out)
{
    buf_printf(out, ".TH WEIR 1 \"\" \"weir %s\" \"User Commands\"\n.SH NAME\nweir \\- runs and drives data connectors\n.SH SYNOPSIS\n.B weir\nCOMMAND [OPTION...]\n.SH COMMANDS\n",
               weir_version());
    for (const cli_command *c = cli_commands; c->name; c++) {
        buf_printf(out, ".SS \"weir %s ", c->name);
        roff(out, c->usage);
        buf_adds(out, "\"\n");
        roff(out, c->summary);
        buf_adds(out, ".\n.PP\n");
        roff(out, c->description);
        buf_addc(out, '\n');
        for (const char *const *n = c->options; *n; n++) {
            const cli_option *o = cli_option_find(*n, strlen(*n));
            buf_adds(out, ".TP\n\\fB\\-\\-");
            roff(out, o->name);
            buf_printf(out, "\\fR%s%s\n", o->arg ? " " : "", o->arg ? o->arg : "");
            roff(out, o->help);
            buf_addc(out, '\n');
        }
    }
    buf_adds(out, ".SH EXIT STATUS\n.nf\n");
    roff(out, exit_statuses);
    buf_adds(out, ".fi\n.SH ENVIRONMENT\n.TP\nLOG_LEVEL\nerror, warn, info, debug or trace\n.TP\nLOG_FORMAT\njson, text or color\n");
}

/* ---- completions ---- */

void cli_completion_bash(buf *out)
{
    buf_adds(out, "# bash completion for weir, made by: weir help bash\n_weir() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
                  "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"");
    for (const cli_command *c = cli_commands; c->name; c++)
        buf_printf(out, "%s%s", c == cli_commands ? "" : " ", c->name);
    buf_adds(out, "\"\n    else\n        case $prev in\n        --source|--data|--configuration|--state|--junit) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n        esac\n        case ${COMP_WORDS[1]} in\n");
    for (const cli_command *c = cli_commands; c->name; c++) {
        buf_printf(out, "        %s) words=\"--help", c->name);
        for (const char *const *n = c->options; *n; n++)
            buf_printf(out, " --%s", *n);
        buf_adds(out, "\" ;;\n");
    }
    buf_adds(out, "        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -F _weir weir\n");
}

/* In zsh's _arguments a colon and a bracket have a meaning. */
static void zsh_text(buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == ':' || *text == '[' || *text == ']')
            buf_addc(out, '\\');
        if (*text == '\'')
            buf_adds(out, "'\\''");
        else
            buf_addc(out, *text);
    }
}

void cli_completion_zsh(buf *out)
{
    buf_adds(out, "#compdef weir\n# made by: weir help zsh\nlocal -a commands=(\n");
    for (const cli_command *c = cli_commands; c->name; c++) {
        buf_printf(out, "    '%s:", c->name);
        zsh_text(out, c->summary);
        buf_adds(out, "'\n");
    }
    buf_adds(out, ")\nif (( CURRENT == 2 )); then\n    _describe command commands\n    return\nfi\ncase $words[2] in\n");
    for (const cli_command *c = cli_commands; c->name; c++) {
        buf_printf(out, "%s) _arguments '--help[what it does]'", c->name);
        for (const char *const *n = c->options; *n; n++) {
            const cli_option *o = cli_option_find(*n, strlen(*n));
            buf_printf(out, " '--%s[", o->name);
            zsh_text(out, o->help);
            buf_printf(out, "]%s%s%s'", o->arg ? ":" : "", o->arg ? o->arg : "", o->arg && strcmp(o->arg, "FILE") == 0 ? ":_files" : o->arg ? ": " : "");
        }
        buf_adds(out, " ;;\n");
    }
    buf_adds(out, "esac\n");
}
