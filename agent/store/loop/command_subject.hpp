// A command as the fields of a log line name it.
#pragma once

#include "agent/store/loop/command_context.hpp"
#include "common/log_event/log_event.hpp"

namespace relay {

inline log_subject subject_of(const store::command_context& t)
{
    return {t.id, t.op, t.mailbox};
}

} // namespace relay
