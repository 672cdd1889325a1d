// The steps that all writes have in common. All follow one pattern: look up what Exchange holds by the marks; if the command is
// applied already, answer what is true; if an earlier try may still take effect, wait until it has settled; else begin a try
// durably, send it, and go back to looking if its outcome is not known.
#pragma once

#include "agent/commands/look_for.hpp"

namespace relay::commands {

// The `output` of event.create and event.update, and that of event.cancel.
json::object output_of_write(const std::string& event_id, const ews::item_ref& ref, const std::string& uid);
json::object output_of_cancel(const std::string& event_id, bool existed);
// Beside the output of a write that Exchange refused although it had carried it out.
json::object warning_of(const protocol::fault& answered);

// The result `output` of a write that was looked up and found applied. Where Exchange had answered it with an error, the log and
// the output's `warning` say so.
reply applied(command_run& run, json::object output);

// Says in the log if nobody knows whether the invitations of `made` went out, which was looked up and found: Exchange did not
// confirm its request, and does not tell of the item either.
void note_unknown_invitations(command_run& run, protocol::notify notify, const ews::found_item& made);

// The write's result where `was` says that it was carried out, and it needs nothing more: the item as it is now. `uid`: of an
// item that is not even in Deleted Items.
reply carried_out(command_run& run, const std::string& event_id, const trace& was, const std::string& uid);

// What a failed try of a write leaves to do: how the command ends, or nothing where it goes back to looking.
task<std::optional<ending>> after_write(command_run& run, ews::error e);

// A server may lack a zone that others have. With UTC the instant is right all the same. The same fields once more, or nothing.
std::optional<ews::item_fields> in_utc(const ews::error& e, const ews::item_fields& fields);

// May the write be applied (again)? Only where nothing of an earlier try can still arrive, what tells of one could be read, the
// command's time is not over and policy allows it. Where it may not: how the command ends, or nothing, after a pause, where it goes back to
// looking.
struct permission {
    bool given = false;
    std::optional<ending> over;
};
// Whether what lies in Deleted Items may be all that tells that the write was carried out, and overtaken since. Then it is not
// applied while nobody can look there.
enum class deleted_items { tell_nothing, may_tell };
task<permission> permission_to_apply(command_run& run, const marked_items& found, deleted_items deleted);

// The command was applied; but Exchange may have been cut off between saving the item and sending its invitations. Says
// whether invite() is due. What Exchange does not say is not taken for unsent.
bool may_lack_invitations(protocol::notify notify, const marked_items& found, const trace& was);

// Sees to it that the invitations of an applied write go out, once: the item's own flag tells whether they
// have. How the command ends, or nothing where it goes back to looking. The item is there, so it never ends
// as a failure.
task<std::optional<ending>> invite(command_run& run, const mailbox_address& mailbox,
                                   const std::string& event_id, ews::found_item made, bool conclusive);

} // namespace relay::commands
