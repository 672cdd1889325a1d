#include "common/config/keys.hpp"

#include "common/config/convert.hpp"

namespace relay::config {
namespace {

// ---- checks of one value beyond its type ----

using check = std::string (*)(const std::string&);

std::string cloud_url(const std::string& text)
{
    return parse_web_url(text, "wss").has_value() ? ""
                                                  : "must be wss://host/path, without user, password or #";
}

std::string exchange_url(const std::string& text)
{
    return parse_web_url(text, "https").has_value() || parse_web_url(text, "http").has_value()
               ? ""
               : "must be https://host/EWS/Exchange.asmx, without user, password or #";
}

std::string operation_pattern(const std::string& text)
{
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz._*") == text.npos
               ? ""
               : "must hold names of operations, such as event.create or event.*";
}

// A pattern that no address can match is a typing error, and in deny_mailboxes a dangerous one.
std::string mailbox_pattern(const std::string& text)
{
    const auto ascii = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    return ascii && text.find_first_of("@*") != text.npos && text.find_first_of(" ,;<>\"") == text.npos
               ? ""
               : "must hold addresses in ASCII, such as ceo@corp.example or *@corp.example";
}

std::string proxy_scheme(const std::string& text)
{
    return text == "negotiate" || text == "ntlm" || text == "basic" ? ""
                                                                    : "must hold negotiate, ntlm or basic";
}

std::string program(const std::string& text)
{
    return text.empty() ? "must begin with a program" : "";
}

template <auto Section, auto Member>
auto& place(auto& s)
{
    return s.*Section.*Member;
}

// The words that an enumeration is written as; none for other types.
template <class Member>
constexpr std::span<const std::string_view> words_of()
{
    if constexpr (std::is_enum_v<Member>)
        return words<Member>::list;
    else
        return {};
}

// The rule of settings::*Section.*Member; its kind is the member's.
template <auto Section, auto Member, check Check = nullptr>
constexpr key_rule key(std::string_view name, std::int64_t least, std::int64_t most, std::string_view meaning)
{
    using member = std::remove_cvref_t<decltype(place<Section, Member>(std::declval<settings&>()))>;
    return {name,
            converter<member>::kind,
            least,
            most,
            [](settings& s, const raw_value& v) -> std::string {
                if constexpr (Check != nullptr) {
                    if (const auto* text = std::get_if<std::string>(&v); text && !text->empty())
                        if (auto wrong = Check(*text); !wrong.empty())
                            return wrong;
                    if (const auto* list = std::get_if<std::vector<std::string>>(&v))
                        for (const auto& entry : *list)
                            if (auto wrong = Check(entry); !wrong.empty())
                                return wrong;
                }
                return converter<member>::assign(place<Section, Member>(s), v);
            },
            [](const settings& s) { return converter<member>::read(place<Section, Member>(s)); },
            meaning,
            words_of<member>()};
}

// ---- keys that are more than their member's type ----

std::string assign_fingerprint(settings& s, const raw_value& v)
{
    std::string digits;
    for (const char c : std::get<std::string>(v))
        if (c != ':')
            digits += c;
    digits = ascii_lower(digits);
    if (!digits.empty() &&
        (digits.size() != 64 || digits.find_first_not_of("0123456789abcdef") != digits.npos))
        return "must be 64 hexadecimal digits, with or without colons";
    s.exchange.certificate_sha256 = digits;
    return {};
}

std::string assign_command(settings& s, const raw_value& v)
{
    const auto& words = std::get<std::vector<std::string>>(v);
    if (!words.empty())
        if (auto wrong = program(words.front()); !wrong.empty())
            return wrong;
    s.exchange.password_command = words;
    return {};
}

raw_value read_command(const settings& s)
{
    // Arguments may hold what leads to the password: only the program is told.
    const auto& words = s.exchange.password_command;
    return words.empty() ? std::vector<std::string>{} : std::vector<std::string>{words.front()};
}

using agent = agent_settings;
using cloud = cloud_settings;
using exchange = exchange_settings;
using policy = policy_settings;
constexpr auto no_limit = std::int64_t{4096}; // of paths and names: longer is a mistake in any case

const key_rule rules[] = {
    key<&settings::agent, &agent::name>(
        "agent.name", 0, 64, "What the cloud shows for this agent. Empty: the name of this machine."),
    key<&settings::agent, &agent::data_dir>(
        "agent.data_dir", 1, no_limit,
        "Where the agent keeps its queue, its keys and its socket; an absolute path. A change takes "
        "effect at the next start."),
    key<&settings::agent, &agent::drain_timeout>(
        "agent.drain_timeout_s", 0, 600,
        "How long running commands may take to finish when the agent is stopped, in seconds. "
        "`TimeoutStopSec` of the unit has to stay above it."),
    key<&settings::agent, &agent::memory_mb>(
        "agent.memory_mb", 8, 4096,
        "What all commands under way may take of memory together, in MiB; past it new ones are answered "
        "`overloaded`. The process itself takes some 60 MiB more at worst. A change takes effect at the next "
        "start."),

    key<&settings::cloud, &cloud::url, cloud_url>(
        "cloud.url", 1, 2048,
        "Where the agent connects to: `wss://host/path`, without user, password or `#`. Not set: "
        "what enrolment was told."),
    key<&settings::cloud, &cloud::certificate_file>(
        "cloud.certificate_file", 0, no_limit,
        "The client certificate, in PEM. Empty: `pki/agent.crt` in `agent.data_dir`."),
    key<&settings::cloud, &cloud::private_key_file>(
        "cloud.private_key_file", 0, no_limit,
        "Its private key, in PEM. Empty: `pki/agent.key` in `agent.data_dir`. Refused if anybody but "
        "its owner can read it."),
    key<&settings::cloud, &cloud::ca_file>(
        "cloud.ca_file", 0, no_limit,
        "The CAs that may sign the cloud's certificate, in PEM. Empty: what enrolment was told, else "
        "the system's trust store."),
    key<&settings::cloud, &cloud::proxy>(
        "cloud.proxy", 0, 2048,
        "How to reach the cloud. Empty: directly. `\"env\"`: by `HTTPS_PROXY` and `NO_PROXY`. Else "
        "`http://user:password@host:port`, or `https://` for TLS to the proxy itself (its certificate is "
        "checked by the "
        "system's trust store); user and password are percent-decoded."),
    key<&settings::cloud, &cloud::proxy_auth, proxy_scheme>(
        "cloud.proxy_auth", 0, 3,
        "Which of `negotiate`, `ntlm` and `basic` may be used to sign in to the proxy. Empty: `negotiate` "
        "and `ntlm`; `basic` to an "
        "`https://` proxy, if the URL holds a password. Over `http://` Basic shows the password to whoever "
        "listens."),

    key<&settings::exchange, &exchange::url, exchange_url>(
        "exchange.url", 1, 2048,
        "The EWS address: `https://host/EWS/Exchange.asmx`. `http://` needs "
        "`exchange.allow_plaintext`."),
    key<&settings::exchange, &exchange::auth>(
        "exchange.auth", 1, 16, "How the service account signs in. Basic is never sent over `http://`."),
    key<&settings::exchange, &exchange::username>(
        "exchange.username", 0, 256,
        "The service account, such as `CORP\\workestra-svc`. May be empty with `negotiate` only."),
    key<&settings::exchange, &exchange::password_file>(
        "exchange.password_file", 0, no_limit,
        "A file with the account's password; its last line break is not part of it. Refused if "
        "others than its owner can read it. Empty, and no `password_command`: the systemd credential "
        "`exchange.password`."),
    key<&settings::exchange, &exchange::keytab_file>(
        "exchange.keytab_file", 0, no_limit,
        "Kerberos keys of the account, in place of a password; `negotiate` only. Refused if others "
        "than its owner can read it."),
    {"exchange.password_command",
     value_kind::list,
     0,
     64,
     assign_command,
     read_command,
     "A program and its arguments, run without a shell; its output is the password. It runs again "
     "when Exchange refuses the old one. Not together with `password_file`.",
     {}},
    key<&settings::exchange, &exchange::ca_file>(
        "exchange.ca_file", 0, no_limit,
        "The CAs that may sign Exchange's certificate, in PEM. Empty: the system's trust store."),
    {"exchange.certificate_sha256",
     value_kind::text,
     0,
     128,
     assign_fingerprint,
     [](const settings& s) { return raw_value(s.exchange.certificate_sha256); },
     "Only the server certificate with this fingerprint is believed: 64 hexadecimal digits, with "
     "or without colons. Empty: any that the CAs vouch for.",
     {}},
    key<&settings::exchange, &exchange::channel_binding>(
        "exchange.channel_binding", 1, 16,
        "Extended Protection: whether the sign-in is bound to the TLS connection. `auto`: bound, "
        "and once more without if that is refused."),
    key<&settings::exchange, &exchange::streaming>(
        "exchange.streaming", 0, 1,
        "Streaming notifications beside polling: changes are known within seconds."),
    key<&settings::exchange, &exchange::max_connections>(
        "exchange.max_connections", 1, 100,
        "How many requests go to Exchange at once. Notifications do not count."),
    key<&settings::exchange, &exchange::timeout>("exchange.timeout_s", 1, 600,
                                                 "How long one request may take, in seconds."),
    key<&settings::exchange, &exchange::settle>(
        "exchange.settle_s", 1, 86'400,
        "A write of unknown outcome is not repeated before this time has passed, in seconds. It has "
        "to be longer than Exchange works on a request whose client is gone."),
    key<&settings::exchange, &exchange::allow_plaintext>(
        "exchange.allow_plaintext", 0, 1, "Allows `http://` in `exchange.url`. For test systems."),

    key<&settings::policy, &policy::allow_operations, operation_pattern>(
        "policy.allow_operations", 0, 1000,
        "The operations that may be carried out; `*` is a wildcard. An empty list allows none."),
    key<&settings::policy, &policy::allow_mailboxes, mailbox_pattern>(
        "policy.allow_mailboxes", 0, 100'000,
        "The mailboxes that may be worked with: addresses, `*` is a wildcard. An empty list allows "
        "none."),
    key<&settings::policy, &policy::deny_mailboxes, mailbox_pattern>(
        "policy.deny_mailboxes", 0, 100'000,
        "The mailboxes that may not. Deny wins over allow. In a question about several mailboxes it "
        "fails that mailbox alone."),
    key<&settings::policy, &policy::allow_attendees, mailbox_pattern>(
        "policy.allow_attendees", 0, 100'000,
        "Who may be invited: addresses, `*` is a wildcard. An empty list allows nobody."),
    key<&settings::policy, &policy::deny_attendees, mailbox_pattern>(
        "policy.deny_attendees", 0, 100'000,
        "Who may not. Deny wins over allow. One such attendee fails the whole command."),
    key<&settings::policy, &policy::max_invitations_per_hour>(
        "policy.max_invitations_per_hour", 0, 1'000'000,
        "How many invitations and changes of invitations may go out for each host within an hour, one for "
        "each attendee. 0: no limit. Cancellations do not count."),
    key<&settings::policy, &policy::distribution_lists>(
        "policy.distribution_lists", 1, 16,
        "Whether the free/busy time of a distribution list or another group may be asked for, if "
        "`allow_mailboxes` or "
        "`deny_mailboxes` restrict: it tells of all who are on it, denied ones too."),

    key<&settings::audit, &audit_settings::retention>(
        "audit.retention_days", 1, 3650,
        "How long the audit is kept. A change takes effect at the next start."),
    key<&settings::audit, &audit_settings::max_mb>(
        "audit.max_mb", 16, 1'048'576,
        "How much of the disk the audit may take, in MiB; past it its oldest entries go, however young they "
        "are. A change takes effect at the next start."),

    key<&settings::queue, &queue_settings::max_commands>(
        "queue.max_commands", 1, 10'000'000,
        "How many commands are stored at once; past it writes are answered `overloaded`. A change "
        "takes effect at the next start."),
    key<&settings::queue, &queue_settings::history>(
        "queue.history_days", 7, 3650,
        "How long the result of a finished write is remembered. A change takes effect at the next "
        "start."), // PROTOCOL.md promises 7
    key<&settings::queue, &queue_settings::history_max_mb>(
        "queue.history_max_mb", 16, 1'048'576,
        "How much of the disk the results of finished writes may take, in MiB; past it the oldest are "
        "forgotten, first those that changed nothing in Exchange. A change takes effect at the next start."),

    key<&settings::log, &log_settings::level>(
        "log.level", 1, 16, "What is logged. `debug` and `trace` show addresses of mailboxes."),
    key<&settings::log, &log_settings::format>("log.format", 1, 16,
                                               "One line a message, as text or as JSON."),
    key<&settings::log, &log_settings::file>(
        "log.file", 0, no_limit,
        "Where the log goes, 10 MiB a file and five of them. Empty: standard error, which is the "
        "journal under systemd."),

    key<&settings::status, &status_settings::listen>(
        "status.listen", 0, 64,
        "Address and port of the status page and the metrics; loopback only. Empty: turned off."),
};

bool has_control_characters(std::string_view text)
{
    return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string wrong_text(std::string_view text)
{
    if (!is_utf8(text))
        return "is not valid UTF-8";
    return has_control_characters(text) ? "must not hold control characters" : "";
}

std::string wrong_range(const key_rule& rule, const raw_value& value)
{
    if (const auto* number = std::get_if<std::int64_t>(&value);
        number && (*number < rule.least || *number > rule.most))
        return fmt::format("must be from {} to {}, not {}", rule.least, rule.most, *number);
    if (const auto* text = std::get_if<std::string>(&value)) {
        if (auto wrong = wrong_text(*text); !wrong.empty())
            return wrong;
        const auto length = static_cast<std::int64_t>(code_points(*text));
        if (length < rule.least)
            return "must not be empty";
        if (length > rule.most)
            return fmt::format("must be at most {} characters long", rule.most);
    }
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
        if (static_cast<std::int64_t>(list->size()) > rule.most)
            return fmt::format("must have at most {} entries", rule.most);
        for (const auto& entry : *list) {
            if (auto wrong = wrong_text(entry); !wrong.empty())
                return wrong;
            if (entry.size() > static_cast<std::size_t>(no_limit))
                return fmt::format("must hold entries of at most {} characters", no_limit);
        }
    }
    return {};
}

} // namespace

raw_value converter<proxy_settings>::read(const proxy_settings& from)
{
    if (from.mode == proxy_mode::direct)
        return std::string();
    if (from.mode == proxy_mode::environment)
        return std::string("env");
    return fmt::format("{}://{}{}", from.fixed.encrypted ? "https" : "http",
                       from.fixed.username.empty() ? "" : "***:***@", from.fixed.authority());
}

std::span<const key_rule> key_rules()
{
    return rules;
}

const key_rule* find_key(std::string_view name)
{
    const auto found =
        std::find_if(std::begin(rules), std::end(rules), [&](const auto& r) { return r.name == name; });
    return found == std::end(rules) ? nullptr : found;
}

std::string apply(const key_rule& rule, settings& s, const raw_value& value)
{
    if (value.index() != static_cast<std::size_t>(rule.kind)) {
        constexpr std::array<std::string_view, 4> wanted{"a whole number", "true or false",
                                                         "a text in quotes", "a list of texts in quotes"};
        return fmt::format("must be {}", wanted[static_cast<std::size_t>(rule.kind)]);
    }
    if (auto wrong = wrong_range(rule, value); !wrong.empty())
        return wrong;
    return rule.assign(s, value);
}

std::string variable_name(std::string_view key)
{
    std::string name = "WORKESTRA_RELAY_";
    for (const char c : key)
        name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

} // namespace relay::config
