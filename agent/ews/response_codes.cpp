#include "agent/ews/response_codes.hpp"

#include <algorithm>
#include <array>

namespace relay::ews {
namespace {

constexpr coded_verdict codes[] = {
    {"ErrorADOperation", verdict::transient},
    {"ErrorADSessionFilter", verdict::bad_value},
    {"ErrorADUnavailable", verdict::transient},
    {"ErrorAccessDenied", verdict::not_allowed},
    {"ErrorAccessDeniedDueToCompliance", verdict::not_allowed},
    {"ErrorAccountDisabled", verdict::not_allowed},
    {"ErrorAccountSuspend", verdict::not_allowed},
    {"ErrorBatchProcessingStopped", verdict::half_done},
    {"ErrorCalendarCannotUpdateDeletedItem", verdict::item_deleted},
    {"ErrorCalendarDurationIsTooLong", verdict::bad_value},
    {"ErrorCalendarEndDateIsEarlierThanStartDate", verdict::bad_value},
    {"ErrorCalendarInvalidAttributeValue", verdict::bad_value},
    {"ErrorCalendarInvalidPropertyState", verdict::bad_value},
    {"ErrorCalendarInvalidPropertyValue", verdict::bad_value},
    {"ErrorCalendarInvalidTimeZone", verdict::bad_value},
    {"ErrorCalendarIsCancelledForRemove", verdict::wrong_state},
    {"ErrorCalendarIsNotOrganizer", verdict::wrong_state},
    {"ErrorCalendarMeetingRequestIsOutOfDate", verdict::wrong_state},
    {"ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange", verdict::wrong_state},
    {"ErrorCalendarOccurrenceIsDeletedFromRecurrence", verdict::wrong_state},
    {"ErrorCalendarOutOfRange", verdict::bad_value},
    {"ErrorCalendarViewRangeTooBig", verdict::too_much},
    {"ErrorCannotCreateCalendarItemInNonCalendarFolder", verdict::not_allowed},
    {"ErrorCannotDeleteObject", verdict::wrong_state},
    {"ErrorChangeKeyRequired", verdict::changed_meanwhile},
    {"ErrorChangeKeyRequiredForWriteOperations", verdict::changed_meanwhile},
    {"ErrorClientDisconnected", verdict::transient},
    {"ErrorConnectionFailed", verdict::transient},
    {"ErrorConnectionFailedTransientError", verdict::transient},
    {"ErrorCrossSiteRequest", verdict::transient},
    {"ErrorDataSizeLimitExceeded", verdict::too_much},
    {"ErrorDuplicateSOAPHeader", verdict::our_mistake},
    {"ErrorEventNotFound", verdict::lost_subscription},
    {"ErrorExceededConnectionCount", verdict::overloaded},
    {"ErrorExceededFindCountLimit", verdict::throttled},
    {"ErrorExceededMaxRecipientLimit", verdict::too_much},
    {"ErrorExceededSubscriptionCount", verdict::overloaded},
    {"ErrorExpiredSubscription", verdict::lost_subscription},
    {"ErrorFolderNotFound", verdict::not_allowed},
    {"ErrorFreeBusyDLLimitReached", verdict::too_much},
    {"ErrorFreeBusyGenerationFailed", verdict::transient},
    {"ErrorImpersonateUserDenied", verdict::not_impersonated},
    {"ErrorImpersonationDenied", verdict::not_impersonated},
    {"ErrorImpersonationFailed", verdict::transient},
    {"ErrorIncorrectSchemaVersion", verdict::other_server},
    {"ErrorIncorrectUpdatePropertyCount", verdict::our_mistake},
    {"ErrorIndividualMailboxLimitReached", verdict::too_much},
    {"ErrorInsufficientResources", verdict::overloaded},
    {"ErrorInternalServerError", verdict::transient},
    {"ErrorInternalServerTransientError", verdict::transient},
    {"ErrorInvalidArgument", verdict::our_mistake},
    {"ErrorInvalidChangeKey", verdict::our_mistake},
    {"ErrorInvalidExchangeImpersonationHeaderData", verdict::not_impersonated},
    {"ErrorInvalidExtendedProperty", verdict::our_mistake},
    {"ErrorInvalidExtendedPropertyValue", verdict::our_mistake},
    {"ErrorInvalidFreeBusyViewType", verdict::our_mistake},
    {"ErrorInvalidId", verdict::our_mistake},
    {"ErrorInvalidIdMalformed", verdict::our_mistake},
    {"ErrorInvalidIdXml", verdict::our_mistake},
    {"ErrorInvalidLicense", verdict::not_allowed},
    {"ErrorInvalidMailbox", verdict::bad_value},
    {"ErrorInvalidMergedFreeBusyInterval", verdict::our_mistake},
    {"ErrorInvalidOperation", verdict::our_mistake},
    {"ErrorInvalidPropertyDelete", verdict::our_mistake},
    {"ErrorInvalidPropertyForExists", verdict::our_mistake},
    {"ErrorInvalidPropertyRequest", verdict::our_mistake},
    {"ErrorInvalidPropertySet", verdict::our_mistake},
    {"ErrorInvalidPullSubscriptionId", verdict::lost_subscription},
    {"ErrorInvalidRecipients", verdict::bad_value},
    {"ErrorInvalidRequest", verdict::our_mistake},
    {"ErrorInvalidSchemaVersionForMailboxVersion", verdict::other_server},
    {"ErrorInvalidServerVersion", verdict::server_too_old},
    {"ErrorInvalidSmtpAddress", verdict::bad_value},
    {"ErrorInvalidSubscription", verdict::lost_subscription},
    {"ErrorInvalidSyncStateData", verdict::lost_subscription},
    {"ErrorInvalidTimeInterval", verdict::bad_value},
    {"ErrorInvalidWatermark", verdict::lost_subscription},
    {"ErrorIrresolvableConflict", verdict::changed_meanwhile},
    {"ErrorItemCorrupt", verdict::half_done},
    {"ErrorItemNotFound", verdict::item_gone},
    {"ErrorItemPropertyRequestFailed", verdict::wrong_state},
    {"ErrorItemSave", verdict::half_done},
    {"ErrorItemSavePropertyError", verdict::half_done},
    {"ErrorMailRecipientNotFound", verdict::no_mailbox},
    {"ErrorMailboxConfiguration", verdict::not_allowed},
    {"ErrorMailboxDataArrayEmpty", verdict::our_mistake},
    {"ErrorMailboxDataArrayTooBig", verdict::too_much},
    {"ErrorMailboxFailover", verdict::transient},
    {"ErrorMailboxLogonFailed", verdict::transient},
    {"ErrorMailboxMoveInProgress", verdict::transient},
    {"ErrorMailboxStoreUnavailable", verdict::transient},
    {"ErrorMessageDispositionRequired", verdict::our_mistake},
    {"ErrorMessageSizeExceeded", verdict::too_much},
    {"ErrorMessageSubmissionBlocked", verdict::half_done},
    {"ErrorMissedNotificationEvents", verdict::lost_subscription},
    {"ErrorMissingEmailAddress", verdict::no_mailbox},
    {"ErrorNewEventStreamConnectionOpened", verdict::lost_subscription},
    {"ErrorNoApplicableProxyCASServersAvailable", verdict::transient},
    {"ErrorNoDestinationCASDueToKerberosRequirements", verdict::transient},
    {"ErrorNoDestinationCASDueToSSLRequirements", verdict::transient},
    {"ErrorNoDestinationCASDueToVersionMismatch", verdict::transient},
    {"ErrorNoFreeBusyAccess", verdict::not_allowed},
    {"ErrorNoRespondingCASInDestinationSite", verdict::transient},
    {"ErrorNonExistentMailbox", verdict::no_mailbox},
    {"ErrorNonPrimarySmtpAddress", verdict::not_primary},
    {"ErrorNotEnoughMemory", verdict::overloaded},
    {"ErrorObjectTypeChanged", verdict::half_done},
    {"ErrorPasswordChangeRequired", verdict::sign_in_expired},
    {"ErrorPasswordExpired", verdict::sign_in_expired},
    {"ErrorProxyCallFailed", verdict::transient},
    {"ErrorProxyRequestNotAllowed", verdict::lost_subscription},
    {"ErrorProxyRequestProcessingFailed", verdict::transient},
    {"ErrorProxyServiceDiscoveryFailed", verdict::transient},
    {"ErrorProxySoapException", verdict::transient},
    {"ErrorQuotaExceeded", verdict::out_of_quota},
    {"ErrorQuotaExceededOnDelete", verdict::out_of_quota},
    {"ErrorReadEventsFailed", verdict::lost_subscription},
    {"ErrorRequestStreamTooBig", verdict::too_much},
    {"ErrorRestrictionTooComplex", verdict::our_mistake},
    {"ErrorResultSetTooBig", verdict::too_much},
    {"ErrorSchemaValidation", verdict::our_mistake},
    {"ErrorSendAsDenied", verdict::out_of_quota},
    {"ErrorSendMeetingCancellationsRequired", verdict::our_mistake},
    {"ErrorSendMeetingInvitationsOrCancellationsRequired", verdict::our_mistake},
    {"ErrorSendMeetingInvitationsRequired", verdict::our_mistake},
    {"ErrorSentMeetingRequestUpdate", verdict::wrong_state},
    {"ErrorServerBusy", verdict::throttled},
    {"ErrorServiceDiscoveryFailed", verdict::transient},
    {"ErrorServiceUnavailable", verdict::transient},
    {"ErrorStaleObject", verdict::changed_meanwhile},
    {"ErrorSubmissionQuotaExceeded", verdict::throttled},
    {"ErrorSubscriptionNotFound", verdict::lost_subscription},
    {"ErrorTimeIntervalTooBig", verdict::too_much},
    {"ErrorTimeZone", verdict::bad_value},
    {"ErrorTimeoutExpired", verdict::transient},
    {"ErrorTooManyObjectsOpened", verdict::throttled},
    {"ErrorUnsupportedPathForQuery", verdict::our_mistake},
    {"ErrorUnsupportedPathForSortGroup", verdict::our_mistake},
    {"ErrorUpdatePropertyMismatch", verdict::our_mistake},
    {"ErrorUserNotAllowedByPolicy", verdict::not_allowed},
    {"ErrorValueOutOfRange", verdict::bad_value},
    {"ErrorWrongServerVersion", verdict::other_server},
    {"ErrorWrongServerVersionDelegate", verdict::other_server},
};

static_assert(std::ranges::is_sorted(codes, {}, &coded_verdict::code), "looked up by bisection");

using protocol::fault_code;

constexpr consequence consequences[] = {
    /* unknown */
    {fault_code::exchange_error, remedy::give_up, effect::unknown,
     "this agent does not know what that means"},
    /* our_mistake */
    {fault_code::exchange_error, remedy::give_up, effect::none,
     "it does not take the request in this form; this is a fault of the agent, please report it"},
    /* bad_value */
    {fault_code::exchange_error, remedy::give_up, effect::none,
     "it does not take one of the values in the command"},
    /* too_much */
    {fault_code::exchange_error, remedy::give_up, effect::none,
     "the command asks for more than Exchange's limits allow"},
    /* not_impersonated */
    {fault_code::impersonation_denied, remedy::give_up, effect::none,
     "the service account may not act for this mailbox; give it the role ApplicationImpersonation with a "
     "scope that "
     "includes the mailbox"},
    /* no_mailbox */
    {fault_code::mailbox_not_found, remedy::give_up, effect::none,
     "this Exchange has no mailbox with that address; it may be misspelt, or have moved to Microsoft 365"},
    /* not_primary */
    {fault_code::mailbox_not_found, remedy::give_up, effect::none,
     "the address is an alias; the mailbox must be named by its primary SMTP address"},
    /* sign_in_expired */
    {fault_code::auth_failed, remedy::sign_in, effect::none,
     "the password of the service account has expired or must be changed"},
    /* not_allowed */
    {fault_code::exchange_error, remedy::give_up, effect::none,
     "rights or settings of the account or the mailbox forbid it; look at the account's state, its rights, "
     "and at "
     "EwsApplicationAccessPolicy"},
    /* out_of_quota */
    {fault_code::exchange_error, remedy::give_up, effect::unknown,
     "the mailbox is full, or may not send; make room or look at its sending rights"},
    /* other_server */
    {fault_code::exchange_error, remedy::give_up, effect::none,
     "the mailbox lives on another generation of Exchange than the server at exchange.url"},
    /* server_too_old */
    {fault_code::exchange_unsupported, remedy::give_up, effect::none,
     "the server is older than Exchange 2013 SP1, which this agent needs"},
    /* wrong_state */
    {fault_code::exchange_error, remedy::give_up, effect::none,
     "the calendar item does not allow that in its present state"},
    /* item_deleted */
    {fault_code::event_not_found, remedy::give_up, effect::none, "the item lies in Deleted Items"},
    /* item_gone */
    {fault_code::event_not_found, remedy::retry, effect::unknown,
     "the item is gone, or somebody has moved it"},
    /* changed_meanwhile */
    {fault_code::conflict, remedy::retry, effect::unknown, "somebody else changed the item at the same time"},
    /* half_done */
    {fault_code::exchange_error, remedy::give_up, effect::unknown,
     "it broke off while it was saving or sending the item"},
    /* throttled */
    {fault_code::exchange_busy, remedy::back_off, effect::unknown,
     "it throttles these requests; the throttling policy of the mailbox or the service account may be too "
     "narrow"},
    /* overloaded */
    {fault_code::exchange_busy, remedy::back_off, effect::unknown,
     "it is short of resources or connections for the service account"},
    /* transient */
    {fault_code::exchange_unavailable, remedy::retry, effect::unknown,
     "a part of Exchange is not available at the moment"},
    /* lost_subscription */
    {fault_code::exchange_error, remedy::give_up, effect::none, "it no longer knows this subscription"},
};

static_assert(std::size(consequences) == static_cast<std::size_t>(verdict::lost_subscription) + 1);

} // namespace

verdict verdict_of(std::string_view response_code) noexcept
{
    const auto* const at = std::ranges::lower_bound(codes, response_code, {}, &coded_verdict::code);
    return at != std::end(codes) && at->code == response_code ? at->verdict : verdict::unknown;
}

const consequence& consequence_of(verdict v) noexcept
{
    return consequences[static_cast<std::size_t>(v)];
}

std::span<const coded_verdict> known_codes() noexcept
{
    return codes;
}

} // namespace relay::ews
