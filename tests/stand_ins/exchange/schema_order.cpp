#include "tests/stand_ins/exchange/schema_order.hpp"

#include "tests/stand_ins/exchange/refusal.hpp"
#include "tests/stand_ins/exchange/xml.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace relay::exchange_sim {
namespace {

// An element and its children in the order of the schema: '|' between alternatives of one place, '*' after
// what may repeat, '!' after what must be there. Children are of the namespace that the entry names, or of
// their own prefix's.
struct entry {
    std::string_view element;
    char space;
    std::string_view children;
};

constexpr entry entries[] = {
    {"ResolveNames", 'm', "ParentFolderIds UnresolvedEntry!"},
    {"GetFolder", 'm', "FolderShape! FolderIds!"},
    {"FindFolder", 'm',
     "FolderShape! IndexedPageFolderView|FractionalPageFolderView Restriction ParentFolderIds!"},
    {"FindItem", 'm',
     "ItemShape! "
     "IndexedPageItemView|FractionalPageItemView|SeekToConditionPageItemView|CalendarView|ContactsView "
     "GroupBy|DistinguishedGroupBy Restriction SortOrder ParentFolderIds! QueryString"},
    {"GetItem", 'm', "ItemShape! ItemIds!"},
    {"CreateItem", 'm', "SavedItemFolderId Items!"},
    {"UpdateItem", 'm', "SavedItemFolderId ItemChanges!"},
    {"DeleteItem", 'm', "ItemIds!"},
    {"MoveItem", 'm', "ToFolderId! ItemIds! ReturnNewItemIds"},
    {"CopyItem", 'm', "ToFolderId! ItemIds! ReturnNewItemIds"},
    {"GetServerTimeZones", 'm', "Ids"},
    {"ConvertId", 'm', "SourceIds!"},
    {"SyncFolderItems", 'm', "ItemShape! SyncFolderId! SyncState Ignore MaxChangesReturned! SyncScope"},
    {"GetUserAvailabilityRequest", 'm',
     "t:TimeZone MailboxDataArray! t:FreeBusyViewOptions t:SuggestionsViewOptions"},
    {"Subscribe", 'm', "PullSubscriptionRequest|PushSubscriptionRequest|StreamingSubscriptionRequest"},
    {"StreamingSubscriptionRequest", 't', "FolderIds EventTypes!"},
    {"EventTypes", 't', "EventType*!"},
    {"Unsubscribe", 'm', "SubscriptionId!"},
    {"GetStreamingEvents", 'm', "SubscriptionIds! ConnectionTimeout!"},
    {"SubscriptionIds", 't', "SubscriptionId*!"},
    {"FolderShape", 't', "BaseShape! AdditionalProperties"},
    {"ItemShape", 't',
     "BaseShape! IncludeMimeContent BodyType UniqueBodyType NormalizedBodyType FilterHtmlContent "
     "ConvertHtmlCodePageToUTF8 InlineImageUrlTemplate BlockExternalImages AddBlankTargetToLinks "
     "MaximumBodySize "
     "AdditionalProperties"},
    {"AdditionalProperties", 't', "FieldURI*|IndexedFieldURI*|ExtendedFieldURI*|ExceptionFieldURI*"},
    {"IndexedPageItemView", 't', ""},
    {"FolderIds", 't', "FolderId*|DistinguishedFolderId*"},
    {"ParentFolderIds", 't', "FolderId*|DistinguishedFolderId*|AddressListId*"},
    {"SavedItemFolderId", 't', "FolderId|DistinguishedFolderId|AddressListId"},
    {"ToFolderId", 't', "FolderId|DistinguishedFolderId|AddressListId"},
    {"SyncFolderId", 't', "FolderId|DistinguishedFolderId|AddressListId"},
    {"DistinguishedFolderId", 't', "Mailbox"},
    {"ItemIds", 't', "ItemId*|OccurrenceItemId*|RecurringMasterItemId*|RecurringMasterItemIdRanges*"},
    {"ItemChanges", 't', "ItemChange*"},
    {"ItemChange", 't', "ItemId!|OccurrenceItemId|RecurringMasterItemId Updates! CalendarActivityData"},
    {"Updates", 't', "AppendToItemField*|SetItemField*|DeleteItemField*"},
    {"Mailbox", 't', "Name EmailAddress RoutingType MailboxType ItemId OriginalDisplayName"},
    {"Attendee", 't', "Mailbox! ResponseType LastResponseTime ProposedStart ProposedEnd"},
    {"RequiredAttendees", 't', "Attendee*!"},
    {"OptionalAttendees", 't', "Attendee*!"},
    {"Resources", 't', "Attendee*!"},
    {"Categories", 't', "String*"},
    {"ExtendedProperty", 't', "ExtendedFieldURI! Value|Values"},
    {"Values", 't', "Value*!"},
    {"MailboxDataArray", 't', "MailboxData*"},
    {"MailboxData", 't', "Email! AttendeeType! ExcludeConflicts"},
    {"Email", 't', "Name Address! RoutingType"},
    {"FreeBusyViewOptions", 't', "TimeWindow! MergedFreeBusyIntervalInMinutes RequestedView"},
    {"TimeWindow", 't', "StartTime! EndTime!"},
    {"StandardTime", 't', "Bias! Time! DayOrder! Month! DayOfWeek! Year"},
    {"DaylightTime", 't', "Bias! Time! DayOrder! Month! DayOfWeek! Year"},
    {"IsEqualTo", 't', "FieldURI|IndexedFieldURI|ExtendedFieldURI FieldURIOrConstant!"},
    {"IsNotEqualTo", 't', "FieldURI|IndexedFieldURI|ExtendedFieldURI FieldURIOrConstant!"},
    {"FieldURIOrConstant", 't', "FieldURI|IndexedFieldURI|ExtendedFieldURI|Constant"},
    {"CancelCalendarItem", 't',
     "Subject Body ToRecipients CcRecipients BccRecipients IsReadReceiptRequested IsDeliveryReceiptRequested "
     "From "
     "ReferenceItemId NewBodyContent"},
    {"CalendarItem", 't',
     "MimeContent ItemId ParentFolderId ItemClass Subject Sensitivity Body Attachments DateTimeReceived Size "
     "Categories "
     "Importance InReplyTo IsSubmitted IsDraft IsFromMe IsResend IsUnmodified InternetMessageHeaders "
     "DateTimeSent "
     "DateTimeCreated ResponseObjects ReminderDueBy ReminderIsSet ReminderNextTime "
     "ReminderMinutesBeforeStart DisplayCc "
     "DisplayTo DisplayBcc HasAttachments ExtendedProperty* Culture EffectiveRights LastModifiedName "
     "LastModifiedTime "
     "IsAssociated WebClientReadFormQueryString WebClientEditFormQueryString ConversationId UniqueBody Flag "
     "StoreEntryId "
     "InstanceKey NormalizedBody EntityExtractionResult PolicyTag ArchiveTag RetentionDate Preview "
     "RightsManagementLicenseData PredictedActionReasons IsClutter BlockStatus HasBlockedImages TextBody "
     "IconIndex "
     "SearchKey SortKey Hashtags Mentions MentionedMe MentionsPreview MentionsEx AppliedHashtags "
     "AppliedHashtagsPreview "
     "Likes LikesPreview PendingSocialActivityTagIds AtAllMention CanDelete InferenceClassification "
     "UID RecurrenceId DateTimeStamp Start End OriginalStart IsAllDayEvent LegacyFreeBusyStatus Location "
     "When IsMeeting "
     "IsCancelled IsRecurring MeetingRequestWasSent IsResponseRequested CalendarItemType MyResponseType "
     "Organizer "
     "RequiredAttendees OptionalAttendees Resources InboxReminders ConflictingMeetingCount "
     "AdjacentMeetingCount "
     "ConflictingMeetings AdjacentMeetings Duration TimeZone AppointmentReplyTime AppointmentSequenceNumber "
     "AppointmentState Recurrence FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences "
     "MeetingTimeZone "
     "StartTimeZone EndTimeZone ConferenceType AllowNewTimeProposal IsOnlineMeeting MeetingWorkspaceUrl "
     "NetShowUrl "
     "EnhancedLocation StartWallClock EndWallClock StartTimeZoneId EndTimeZoneId IntendedFreeBusyStatus "
     "JoinOnlineMeetingUrl OnlineMeetingSettings IsOrganizer CalendarActivityData DoNotForwardMeeting"},
};

struct place {
    int rank;
    bool repeats;
    char space;
};

struct rule {
    std::unordered_map<std::string_view, place> places;
    std::vector<std::pair<int, std::string_view>> needed;
};

rule parse(const entry& e)
{
    rule r;
    int rank = 0;
    for (auto rest = e.children; !rest.empty(); ++rank) {
        auto alternatives = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(alternatives.size() + 1, rest.size()));
        while (!alternatives.empty()) {
            auto name = alternatives.substr(0, alternatives.find('|'));
            alternatives.remove_prefix(std::min(name.size() + 1, alternatives.size()));
            place p{rank, false, e.space};
            for (; name.ends_with('*') || name.ends_with('!'); name.remove_suffix(1))
                if (name.ends_with('*'))
                    p.repeats = true;
                else
                    r.needed.emplace_back(rank, name.substr(0, name.find_first_of("*!")));
            if (name.size() > 2 && name[1] == ':') {
                p.space = name[0];
                name.remove_prefix(2);
            }
            r.places.emplace(name, p);
        }
    }
    return r;
}

const std::unordered_map<std::string_view, rule>& rules()
{
    static const auto all = [] {
        std::unordered_map<std::string_view, rule> made;
        for (const auto& e : entries)
            made.emplace(e.element, parse(e));
        return made;
    }();
    return all;
}

[[noreturn]] void refuse_child(std::string_view parent, std::string_view name, std::string_view why)
{
    std::string text = "The element '";
    text.append(parent).append("' has invalid child element '").append(name).append("': ").append(why);
    refuse_schema(std::move(text));
}

void check_children(pugi::xml_node parent, const rule& r)
{
    const auto parent_name = local_name(parent);
    int reached = -1;
    std::uint64_t seen = 0; // by rank, for the needed ones: none of them lies beyond 64
    for (const auto node : elements(parent)) {
        const auto name = local_name(node);
        const auto found = r.places.find(name);
        if (found == r.places.end())
            refuse_child(parent_name, name, "it is not expected there.");
        const auto& p = found->second;
        if (namespace_of(node) != (p.space == 't' ? types_namespace : messages_namespace))
            refuse_child(parent_name, name, "its namespace is wrong.");
        if (p.rank < reached)
            refuse_child(parent_name, name, "it comes too late.");
        if (p.rank == reached && !p.repeats)
            refuse_child(parent_name, name, "there may be only one.");
        reached = p.rank;
        if (p.rank < 64)
            seen |= std::uint64_t{1} << p.rank;
    }
    for (const auto& [rank, name] : r.needed)
        if (!(seen >> rank & 1))
            refuse_schema("The element '" + std::string(parent_name) + "' has incomplete content: '" +
                          std::string(name) + "' is missing.");
}

} // namespace

void check_schema_order(pugi::xml_node operation)
{
    if (const auto found = rules().find(local_name(operation)); found != rules().end())
        check_children(operation, found->second);
    // A time zone of this name is an element with children in one place (GetUserAvailability) and text
    // elsewhere.
    if (local_name(operation) == "TimeZone" && first_element(operation))
        for (const auto name : {"Bias", "StandardTime", "DaylightTime"})
            if (!child(operation, name))
                refuse_schema("The element 'TimeZone' has incomplete content: '" + std::string(name) +
                              "' is missing.");
    for (const auto node : elements(operation))
        check_schema_order(node);
}

} // namespace relay::exchange_sim
