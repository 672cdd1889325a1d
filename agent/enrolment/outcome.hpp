// How enrolling or renewing fails: who has to do something, and one sentence that says what.
#pragma once

#include "agent/uplink/link.hpp"

#include <boost/system/result.hpp>

#include <string>
#include <string_view>

namespace relay::enrolment {

enum class fault {
    unreached, // nobody answered, or the cloud cannot now: the same try may succeed later
    refused,   // the cloud says no
    nonsense,  // what answered is not the cloud, or what it gave cannot be used
    local,     // this machine: its files, its clock
};

// The message holds no token and no key.
struct failed {
    fault what = fault::local;
    std::string message;
};

template <class T>
using outcome = boost::system::result<T, failed>;

// What result::value() throws on a failure: reaching it is a bug in the caller.
[[noreturn]] void throw_exception_from_error(const failed& f, const boost::source_location& where);

// What went wrong on the way to the cloud, with what to do about it.
failed explain(const uplink::failed& f);

// `text` without `secret` in it: the cloud may repeat in an error what we sent.
std::string without(std::string text, std::string_view secret);

} // namespace relay::enrolment
