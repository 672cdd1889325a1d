// How an expected failure travels: by value, as result<T>. Exceptions are for broken invariants only.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace relay {

using boost::system::error_code;

template <class T>
using result = boost::system::result<T>;

// What went wrong, where no library's own code says it.
enum class errc {
    bad_mailbox_address = 1,
    bad_time,      // not RFC 3339, or outside the years 1601 to 9999
    bad_time_zone, // not an IANA zone name
    bad_utf8,
    frame_too_large,     // over max_message_bytes
    link_dead,           // nothing arrived for two heartbeats
    link_closed,         // the peer closed, in order
    protocol_violation,  // the peer broke PROTOCOL.md
    proxy_refused,       // the proxy answered CONNECT with something other than 200
    proxy_auth_required, // the proxy wants (another) sign-in
    certificate_name_mismatch,
    store_full, // the disk, or queue.max_commands
    store_read_only,
    store_corrupt,
    store_io,
    store_newer,  // written by a newer version of the agent
    store_locked, // another agent runs on this data folder
    not_found,
    bad_certificate,        // unreadable or not matching its key
    bad_credentials_source, // password_file or password_command gave nothing usable
};

// What a caller can do about an error_code: compare with ==.
enum class failure {
    transient = 1, // try again later
    permanent,     // trying again changes nothing
    unauthorized,  // the peer refuses who we are
};

error_code make_error_code(errc e) noexcept;
boost::system::error_condition make_error_condition(failure f) noexcept;

} // namespace relay

template <>
struct boost::system::is_error_code_enum<relay::errc> : std::true_type {
};
template <>
struct boost::system::is_error_condition_enum<relay::failure> : std::true_type {
};
