// The log lines that alerting and support look for have names that stay as they are when the words change: "event" in the JSON
// format, EVENT and MESSAGE_ID in the journal. docs/operations.md lists them, installer/linux/workestra-relay.catalog explains
// them to journalctl -x.
#pragma once

#include <spdlog/logger.h>

#include <span>
#include <string_view>
#include <utility>

namespace relay {

// The command that a line is about: COMMAND_ID, OPERATION and MAILBOX in the journal; the first two in the JSON format. The
// mailbox goes to the journal alone, which only administrators read.
struct log_subject {
    std::string_view command_id, operation, mailbox;
};

// What a message carries for its formatter in the place of a line of source; null where it is about no command.
inline const log_subject* subject_of(const spdlog::source_loc& place)
{
    return reinterpret_cast<const log_subject*>(place.filename);
}

// Says a line under its name: event::link_down.warn(log, "lost the link to the cloud: {}", why).
class log_event {
public:
    // `name`: static text of a–z and '_'. `message_id`: 32 hexadecimal digits that nothing else in any journal has
    // (sd-id128(1)), made once and never changed.
    constexpr log_event(const char* name, const char* message_id) : name_(name), message_id_(message_id) {}
    // A line without a name.
    constexpr log_event() = default;

    constexpr std::string_view name() const { return name_; }
    constexpr std::string_view message_id() const { return message_id_; }

    template <class... A>
    void info(spdlog::logger& log, spdlog::format_string_t<A...> text, A&&... values) const
    {
        say(log, spdlog::level::info, text, std::forward<A>(values)...);
    }
    template <class... A>
    void warn(spdlog::logger& log, spdlog::format_string_t<A...> text, A&&... values) const
    {
        say(log, spdlog::level::warn, text, std::forward<A>(values)...);
    }
    template <class... A>
    void error(spdlog::logger& log, spdlog::format_string_t<A...> text, A&&... values) const
    {
        say(log, spdlog::level::err, text, std::forward<A>(values)...);
    }

    template <class... A>
    void say(spdlog::logger& log, spdlog::level::level_enum level, spdlog::format_string_t<A...> text,
             A&&... values) const
    {
        log.log(place(nullptr), level, text, std::forward<A>(values)...);
    }

    // The same of one command.
    template <class... A>
    void debug(spdlog::logger& log, const log_subject& about, spdlog::format_string_t<A...> text,
               A&&... values) const
    {
        log.log(place(&about), spdlog::level::debug, text, std::forward<A>(values)...);
    }
    template <class... A>
    void warn(spdlog::logger& log, const log_subject& about, spdlog::format_string_t<A...> text,
              A&&... values) const
    {
        log.log(place(&about), spdlog::level::warn, text, std::forward<A>(values)...);
    }
    template <class... A>
    void error(spdlog::logger& log, const log_subject& about, spdlog::format_string_t<A...> text,
               A&&... values) const
    {
        log.log(place(&about), spdlog::level::err, text, std::forward<A>(values)...);
    }

private:
    // spdlog carries the place of a line for its formatter, which runs before log() returns; ours reads the function's name
    // as the event's, and the file's as the subject.
    spdlog::source_loc place(const log_subject* about) const
    {
        return {reinterpret_cast<const char*>(about), 0, name_};
    }

    const char* name_ = nullptr;
    const char* message_id_ = nullptr;
};

// Lines that no alert looks for: unnamed.debug(log, subject, "{} {}: …", …).
inline constexpr log_event unnamed{};

namespace event {

// The life of the process
inline constexpr log_event started{"started", "008a7e66c4864bbbbeb385b2b4f123aa"};
inline constexpr log_event stopping{"stopping", "d7a525e19ef1483ea7cfa29cbd622e40"};
inline constexpr log_event stopped{"stopped", "ac2948e2682f4ef9bcfaebd455f51de6"};
inline constexpr log_event stop_forced{"stop_forced", "f278fa8999144a7aa6d941a37d32511d"};
inline constexpr log_event config_reloaded{"config_reloaded", "0e71645d29ec47d8b4771a61de35433c"};
inline constexpr log_event config_refused{"config_refused", "0a58466de2b8441aaeb20b533ebc9a01"};
inline constexpr log_event clock_jump{"clock_jump", "6900cd1c81fc4ca698e83d52b3ef57f3"};
inline constexpr log_event internal_fault{"internal_fault", "85e3eadb7046461d89caf0a34f722b64"};
// The link to the cloud
inline constexpr log_event link_up{"link_up", "7fbcd60761d9429892c42e7439b11c4a"};
inline constexpr log_event link_down{"link_down", "eb0a82ad670a4b6092dde5fb6fd897ac"};
inline constexpr log_event link_rejected{"link_rejected", "e399ac983b6c43c4ac13c11647c92dfc"};
inline constexpr log_event link_drained{"link_drained", "d1071a450af54031a575050e2c5690ba"};
inline constexpr log_event cloud_problem{"cloud_problem", "ac93ac58bebd410e898b1351d7d7d839"};
inline constexpr log_event old_copy_found{"old_copy_found", "3297b7f7fa9f4c4d84dd4c82e6489516"};
inline constexpr log_event cloud_set_back{"cloud_set_back", "b5245483b85a477cbbd0ac19916ea8d1"};
inline constexpr log_event certificate_renewed{"certificate_renewed", "827b0a52b8134001a6d2838aec3c4556"};
inline constexpr log_event certificate_not_renewed{"certificate_not_renewed",
                                                   "0d8f72eee8f24a39a3af4c7884702ce3"};
// Exchange
inline constexpr log_event exchange_up{"exchange_up", "70fee36d39f44df4a62b4b417f99ebce"};
inline constexpr log_event exchange_unreachable{"exchange_unreachable", "3b07ac58cc5b4f51a05a21711345edc2"};
inline constexpr log_event exchange_busy{"exchange_busy", "7e2f5956527743fe9d4c193c614c64f5"};
inline constexpr log_event exchange_auth_failed{"exchange_auth_failed", "33053211fbb64159bafbd41ebd4d4b8c"};
inline constexpr log_event streaming_up{"streaming_up", "8a20b9cd37a4425eb0689516fbdb5ba8"};
inline constexpr log_event streaming_down{"streaming_down", "86fd9001d26a4eb18cde43bf3c161084"};
inline constexpr log_event write_doubtful{"write_doubtful", "f3d7e27372a5447e84c2493b6200e7cd"};
// The queue and the audit
inline constexpr log_event queue_up{"queue_up", "e96ba697313a4bbfa58420b9db358562"};
inline constexpr log_event queue_down{"queue_down", "a981b9442ec944faab57b7e56fe423ae"};
inline constexpr log_event queue_full{"queue_full", "6f04644eda8c41bda4f84cc8e1ae47d5"};
inline constexpr log_event queue_damaged{"queue_damaged", "76fe0ce38aae4248b433e78c39121521"};
inline constexpr log_event audit_up{"audit_up", "4a4e5e7af54643f79d188914c79b75ab"};
inline constexpr log_event audit_down{"audit_down", "f68019e764224c65b7a493a67e9a6df8"};
inline constexpr log_event audit_changed{"audit_changed", "a21a1f482cf84c0e9a1f1bf8e50ddcfc"};

// All of the above.
std::span<const log_event> all() noexcept;

// The one of that name; null where there is none.
const log_event* named(std::string_view name) noexcept;

} // namespace event
} // namespace relay
