//! The policy: a line per action, saying what it is, on which row, and for which roles.

use entity::role_grant::Role;

use super::{Action, Actor};
use entity::{
    account, activity, audit_event, bulk_act, capacity_pool, category, certificate, class_group,
    data_request, device, export, export_view, id::AccountId, job, leave, make_up, message,
    message_template, organisation, person, position, programme, registration, role_grant,
    roster_batch, series, session, transfer, webhook,
};

/// `(near)` behind a row's kind: the action may also be done by those near the row, to whom it does not belong.
macro_rules! from_near {
    (near $($other:ident)*) => {
        true
    };
    ($($other:ident)*) => {
        false
    };
}

/// `(door)` behind a row's kind: a device may do it too, where it is DOOR_STAFF. Nothing else is for devices.
macro_rules! by {
    ($(near)? door) => {
        Actor
    };
    ($(near)?) => {
        AccountId
    };
}

macro_rules! policy {
    ($($(#[doc = $doc:literal])+ $action:ident on $row:ident $(($($mark:ident)+))? => [$($role:ident),+];)*) => {
        $(
            $(#[doc = $doc])+
            pub struct $action;

            impl Action for $action {
                type On = $row::Model;
                type By = by!($($($mark)+)?);
                const NAME: &'static str = stringify!($action);
                const ROLES: &'static [Role] = &[$(Role::$role),+];
                const FROM_NEAR: bool = from_near!($($($mark)+)?);
            }
        )*

        /// The policy as data, for the tests and the manual: the action, its row, its roles, what it is.
        pub const POLICY: &[(&str, &str, &[Role], &str)] = &[$(
            (stringify!($action), stringify!($row), &[$(Role::$role),+], concat!($($doc),+)),
        )*];
    };
}

policy! {
    /// See an organisation and what is below it.
    ViewOrganisation on organisation => [PlatformAdmin, SecurityAdmin, OrgAdmin, Organiser, Liaison, Viewer];
    /// See the figures of an organisation and all below it.
    ViewFigures on organisation => [OrgAdmin, Organiser, Viewer];
    /// See the people behind the figures of an organisation.
    ListParticipants on organisation => [OrgAdmin, Organiser];
    /// Make an organisation below this one.
    CreateOrganisation on organisation => [OrgAdmin];
    /// Change an organisation's name, kind or code.
    UpdateOrganisation on organisation => [OrgAdmin];

    /// See the people whose records are kept here, or who are on an activity here.
    ViewPerson on person (near door) => [OrgAdmin, Organiser, Liaison, DoorStaff];
    /// See what a person attended over the years.
    ViewHistory on person (near) => [OrgAdmin, Organiser, Liaison];
    /// List the people in one's scope.
    ListPeople on person (near) => [OrgAdmin, Organiser, Liaison];
    /// Find people by three or more characters, phones masked.
    FindPeople on person (near door) => [OrgAdmin, Organiser, Liaison, DoorStaff];
    /// See more of a person than a door does; and the phone and the mail address whole, saying what for.
    ViewPhone on person (near) => [OrgAdmin, Organiser, Liaison];
    /// See a person's ID number whole, saying what for, and find people by it.
    ViewIdNumber on person (near) => [OrgAdmin, Organiser];
    /// Keep the record of a new person at this organisation.
    CreatePerson on organisation => [OrgAdmin, Liaison];
    /// Correct the record of a person, where it is kept.
    UpdatePerson on person => [OrgAdmin, Liaison];
    /// Give a person a position in this organisation.
    CreatePosition on organisation => [OrgAdmin, Liaison];
    /// Say when a position ended.
    EndPosition on position => [OrgAdmin, Liaison];

    /// See an account and its grants.
    ViewAccount on account => [PlatformAdmin, SecurityAdmin, OrgAdmin];
    /// Make an account that is looked after by this organisation.
    CreateAccount on organisation => [PlatformAdmin, OrgAdmin];
    /// Take an account out of use at once, with all its sign-ins.
    DisableAccount on account => [PlatformAdmin, OrgAdmin];
    /// Take an account into use again.
    EnableAccount on account => [PlatformAdmin, OrgAdmin];
    /// Give an account a new password, which ends its sign-ins.
    ResetPassword on account => [PlatformAdmin, OrgAdmin];
    /// End the sign-ins of an account.
    EndSignIns on account => [PlatformAdmin, SecurityAdmin, OrgAdmin];
    /// Link an account with an identity at another system, by which it is signed in to.
    LinkIdentity on account => [PlatformAdmin, OrgAdmin];
    /// Take such a link back, with the sign-ins that came by it.
    UnlinkIdentity on account => [PlatformAdmin, OrgAdmin];
    /// Remove the second factor of somebody who has lost it.
    ResetSecondFactor on account => [PlatformAdmin, OrgAdmin];
    /// Give a role over an organisation and everything below it.
    GrantOnOrganisation on organisation => [SecurityAdmin, OrgAdmin];
    /// Give a role over a programme.
    GrantOnProgramme on programme => [SecurityAdmin, OrgAdmin, Organiser];
    /// Give a role over an activity.
    GrantOnActivity on activity => [SecurityAdmin, OrgAdmin, Organiser];
    /// Let somebody else act by a grant of one's own for a while. The gate gives it to the holder alone.
    DelegateGrant on role_grant => [PlatformAdmin, SecurityAdmin, Auditor, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];
    /// Take a grant back.
    RevokeGrant on role_grant => [SecurityAdmin, OrgAdmin, Organiser];

    /// See a programme.
    ViewProgramme on programme (near door) => [SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];
    /// Make a programme owned by this organisation.
    CreateProgramme on organisation => [OrgAdmin];
    /// Make an activity in a programme, held by its owner.
    CreateActivity on programme => [OrgAdmin, Organiser];
    /// Make an activity held by this organisation, in a programme of one above it.
    HoldActivity on organisation => [OrgAdmin];

    /// See an activity, its sessions and its figures.
    ViewActivity on activity (near door) => [SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];
    /// Change what an activity says of itself.
    UpdateActivity on activity => [OrgAdmin, Organiser];
    /// Open an activity to its audience.
    PublishActivity on activity => [OrgAdmin, Organiser];
    /// Close an activity that is over.
    CloseActivity on activity => [OrgAdmin, Organiser];
    /// Call an activity off.
    CancelActivity on activity => [OrgAdmin, Organiser];
    /// Add a category to an activity.
    CreateCategory on activity => [OrgAdmin, Organiser];
    /// Change the size of an activity's or a category's seats.
    SetCapacity on activity => [OrgAdmin, Organiser];
    /// Add a session to an activity.
    CreateSession on activity => [OrgAdmin, Organiser];
    /// Change a session's times, place or title.
    UpdateSession on session => [OrgAdmin, Organiser];
    /// See a session and its figures.
    ViewSession on session (near door) => [SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];
    /// See a category.
    ViewCategory on category (near door) => [SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];

    /// See a series of classes. Near it are those who may hold runs of it.
    ViewSeries on series (near) => [SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];
    /// Make a series of classes that belongs to this organisation.
    CreateSeries on organisation => [OrgAdmin, Organiser];
    /// Change what a series says of itself.
    UpdateSeries on series => [OrgAdmin, Organiser];
    /// Say which run of which series a class is, and who looks after it.
    SetClass on activity => [OrgAdmin, Organiser];
    /// See who teaches at an activity, and who looks after it.
    ViewTrainers on activity => [OrgAdmin, Organiser, DoorStaff];
    /// Say who teaches at a session.
    SetTrainers on session => [OrgAdmin, Organiser];
    /// List the groups of a class.
    ViewGroups on activity => [OrgAdmin, Organiser];
    /// See a group of a class.
    ViewGroup on class_group => [OrgAdmin, Organiser];
    /// Make a group of a class.
    CreateGroup on activity => [OrgAdmin, Organiser];
    /// Divide a class into groups.
    DivideClass on activity => [OrgAdmin, Organiser];
    /// Change a group's name or leader.
    UpdateGroup on class_group => [OrgAdmin, Organiser];
    /// Remove a group.
    RemoveGroup on class_group => [OrgAdmin, Organiser];
    /// Say what a trainee is in the class.
    UpdateTrainee on registration => [OrgAdmin, Organiser];
    /// Say from which day on a trainee belongs to the class.
    SetEnrolment on registration => [OrgAdmin, Organiser];
    /// Let a trainee leave the class.
    WithdrawTrainee on registration => [OrgAdmin, Organiser];
    /// Ask for a trainee's leave.
    RequestLeave on registration (near) => [OrgAdmin, Organiser, Liaison];
    /// See leave. Near it are all who work with the class, and the organisation that recommends the trainee.
    ViewLeave on leave (near) => [OrgAdmin, Organiser, Liaison];
    /// Say yes or no to leave, where one stands high enough for its length.
    DecideLeave on leave => [OrgAdmin, Organiser];
    /// Take leave back.
    WithdrawLeave on leave (near) => [OrgAdmin, Organiser, Liaison];
    /// Say that somebody is back before the leave is over.
    EndLeave on leave (near) => [OrgAdmin, Organiser];

    /// List who is registered for an activity.
    ListRegistrations on activity => [OrgAdmin, Organiser];
    /// Find who is registered for an activity by three or more characters.
    FindRegistrations on activity (door) => [OrgAdmin, Organiser, DoorStaff];
    /// Find who is registered at the door of a session, phones masked.
    FindAtDoor on session (door) => [OrgAdmin, Organiser, DoorStaff];
    /// Say whether and how people register themselves for an activity.
    SetSelfRegistration on activity => [OrgAdmin, Organiser];
    /// Publish a new version of what people are told of how their data are used on an activity.
    PublishActivityNotice on activity => [OrgAdmin, Organiser];
    /// Publish a new version of what people are told of how their data are used by an organisation.
    PublishNotice on organisation => [OrgAdmin];
    /// See what somebody asks for of their own data.
    ViewDataRequest on data_request => [OrgAdmin];
    /// Correct or erase somebody's data as they ask for, or say why not.
    DecideDataRequest on data_request => [OrgAdmin];
    /// Put on record that data of an activity were given to somebody else.
    RecordTransfer on activity => [OrgAdmin, Organiser];
    /// See what was given to others of an organisation's activities.
    ViewTransfers on organisation => [OrgAdmin];
    /// See one thing that was given to others.
    ViewTransfer on transfer => [OrgAdmin];
    /// Put on record that a receiver has deleted what was given.
    ConfirmDeletion on transfer => [OrgAdmin, Organiser];
    /// See whose data were in an export.
    ViewExportPeople on export => [OrgAdmin];
    /// See in which exports somebody's data were.
    ViewExportsOf on person => [OrgAdmin];
    /// See how long data are kept.
    ViewRetention on organisation => [SecurityAdmin, OrgAdmin, Organiser];
    /// Say how long data are kept.
    SetRetention on organisation => [SecurityAdmin, OrgAdmin];
    /// See what was kept long enough, and how much of it was dropped.
    ViewPurges on organisation => [SecurityAdmin, OrgAdmin];
    /// Put on record that somebody agreed to a notice.
    RecordConsent on registration (near) => [OrgAdmin, Organiser, Liaison];
    /// Take back for somebody what they agreed to.
    WithdrawConsent on registration (near) => [OrgAdmin, Organiser, Liaison];
    /// See a registration's code and the person's phone whole.
    ViewTicket on activity => [OrgAdmin, Organiser];
    /// List those whom one's own organisation recommends for an activity.
    ListRecommended on activity (near) => [OrgAdmin, Liaison];
    /// See one registration. Near it are the organisation that recommends the person and those above it.
    ViewRegistration on registration (near door) => [OrgAdmin, Organiser, Liaison, DoorStaff];
    /// See who waits for whose approval in one's scope.
    ViewApprovals on organisation => [OrgAdmin, Liaison];
    /// Register a person for an activity.
    RegisterAttendee on activity => [OrgAdmin, Organiser];
    /// Ask a person to come and to answer.
    InviteAttendee on activity => [OrgAdmin, Organiser];
    /// Register a person of this organisation, out of its allocation or up the chain of approval.
    RecommendAttendee on organisation => [OrgAdmin, Liaison];
    /// Register somebody at the door who is on no list.
    RegisterWalkIn on session (door) => [OrgAdmin, Organiser, DoorStaff];
    /// Take more seats than there are.
    ExceedCapacity on activity => [OrgAdmin];
    /// Put somebody else in the place of who cannot come.
    ReplaceAttendee on registration (near) => [OrgAdmin, Organiser, Liaison];
    /// Say where people sit.
    SetSeats on activity => [OrgAdmin, Organiser];
    /// Cancel a registration and free its seat.
    CancelRegistration on registration (near) => [OrgAdmin, Organiser, Liaison];
    /// Say what somebody answered to an invitation or an offer.
    AnswerRegistration on registration (near) => [OrgAdmin, Organiser, Liaison];
    /// Correct what was given for an activity.
    UpdateRegistration on registration (near) => [OrgAdmin, Organiser, Liaison];
    /// Take up a registration again.
    ReviveRegistration on registration => [OrgAdmin, Organiser];
    /// Move a registration to another category or activity.
    MoveRegistration on registration => [OrgAdmin, Organiser];
    /// Offer a seat out of the order of the waiting list.
    OfferSeat on registration => [OrgAdmin, Organiser];
    /// Change somebody's place on the waiting list.
    SetPriority on registration => [OrgAdmin, Organiser];
    /// Have the say at a step of approval.
    DecideRegistration on registration (near) => [OrgAdmin, Organiser, Liaison];
    /// Have the say for this organisation.
    DecideFor on organisation => [OrgAdmin, Liaison];
    /// Send what was returned up the chain of approval again.
    ResubmitRegistration on registration (near) => [OrgAdmin, Organiser, Liaison];
    /// Do one act on many registrations of an activity.
    ChangeRegistrations on activity => [OrgAdmin, Organiser];
    /// See what came of an act on many.
    ViewBulkAct on bulk_act => [OrgAdmin, Organiser];
    /// Say how registrations of an activity are approved and how long offers stand.
    SetRegistrationRules on activity => [OrgAdmin, Organiser];
    /// Set seats aside for an organisation.
    SetAllocation on activity => [OrgAdmin, Organiser];
    /// See what seats are set aside for whom.
    ViewAllocations on activity => [OrgAdmin, Organiser];
    /// See the seats that are set aside for an organisation.
    ViewAllocation on capacity_pool (near) => [OrgAdmin, Organiser, Liaison];
    /// Give back what nobody took of them.
    ReleaseAllocation on capacity_pool => [OrgAdmin, Organiser];
    /// Count an activity's seats anew.
    RecountSeats on activity => [OrgAdmin, Organiser];
    /// Revoke a registration's ticket and make a new one.
    ReissueTicket on registration => [OrgAdmin, Organiser];
    /// Revoke a registration's ticket.
    RevokeTicket on registration => [OrgAdmin, Organiser];

    /// Set the questions of an activity's form.
    SetQuestions on activity => [OrgAdmin, Organiser];
    /// Answer the form of a registration, or correct its answers.
    AnswerForm on registration => [OrgAdmin, Organiser];
    /// Fetch a file that answers a question.
    TakeAnswerFile on registration => [OrgAdmin, Organiser];

    /// Read an uploaded list for an activity, and see what became of it.
    StageRoster on activity => [OrgAdmin, Organiser];
    /// See an uploaded list and its rows.
    ViewRoster on roster_batch => [OrgAdmin, Organiser];
    /// Register the people of an uploaded list.
    CommitRoster on roster_batch => [OrgAdmin, Organiser];
    /// Take back what an uploaded list alone brought.
    UndoRoster on roster_batch => [OrgAdmin, Organiser];

    /// Say how somebody attended, over what the scans say.
    CorrectAttendance on session => [OrgAdmin, Organiser];
    /// Freeze who was expected at a session.
    CloseSession on session => [OrgAdmin, Organiser];
    /// Let people in at a session.
    CheckIn on session (door) => [OrgAdmin, Organiser, DoorStaff];
    /// Show the code by which people check themselves in at a session.
    ShowSelfCheckInCode on session (door) => [OrgAdmin, Organiser, DoorStaff];
    /// Take the list that a door without a network answers by.
    TakeManifest on session (door) => [OrgAdmin, Organiser, DoorStaff];
    /// Let a device stand at the doors of an activity.
    CreateDevice on activity => [OrgAdmin, Organiser];
    /// See which devices stand at the doors of an activity.
    ViewDevices on activity => [OrgAdmin, Organiser];
    /// See a device.
    ViewDevice on device => [OrgAdmin, Organiser];
    /// Take a device out of use at once.
    RevokeDevice on device => [OrgAdmin, Organiser];
    /// See the scans and the attendance of a session, person by person.
    ViewAttendance on session => [OrgAdmin, Organiser];

    /// Say how the credit hours of an activity are earned, and who completes it.
    SetCreditRule on activity => [OrgAdmin, Organiser];
    /// See who completes an activity, and who does not, and why.
    ViewCompletions on activity => [OrgAdmin, Organiser];
    /// Derive the ledger of an activity anew, and compare.
    RecountCredits on activity => [OrgAdmin, Organiser];
    /// Put credit hours down by hand.
    AdjustCredits on registration => [OrgAdmin, Organiser];
    /// Say whether somebody passed the exam of a class.
    SetCourseWork on registration => [OrgAdmin, Organiser];
    /// Record that a missed session was made up for.
    RecordMakeUp on registration => [OrgAdmin, Organiser];
    /// See that a session was made up for.
    ViewMakeUp on make_up => [OrgAdmin, Organiser];
    /// Undo a make-up.
    UndoMakeUp on make_up => [OrgAdmin, Organiser];
    /// Issue certificates for those who completed an activity.
    IssueCertificates on activity => [OrgAdmin, Organiser];
    /// List the certificates of an activity.
    ListCertificates on activity => [OrgAdmin, Organiser];
    /// See a certificate.
    ViewCertificate on certificate => [OrgAdmin, Organiser];
    /// Revoke a certificate.
    RevokeCertificate on certificate => [OrgAdmin, Organiser];
    /// Issue a certificate anew under its number.
    ReissueCertificate on certificate => [OrgAdmin, Organiser];
    /// Say how the certificates of an activity are numbered.
    SetCertificatePattern on activity => [OrgAdmin, Organiser];
    /// Say how the certificates of a series are numbered.
    SetSeriesCertificatePattern on series => [OrgAdmin, Organiser];
    /// Say how the certificates of an organisation and all below it are numbered.
    SetOrganisationCertificatePattern on organisation => [OrgAdmin];

    /// Take the list of who registered and who came out of the building.
    CreateExport on activity => [OrgAdmin, Organiser];
    /// Take out the list of who earned how many credit hours in a year.
    ExportCredits on organisation => [OrgAdmin];
    /// Take the list of who registered and who came out of the building, with phones and ID numbers whole.
    ExportUnmasked on activity => [OrgAdmin, Organiser];
    /// Take out who earned how many credit hours in a year, with phones whole.
    ExportUnmaskedCredits on organisation => [OrgAdmin];
    /// Approve what somebody else takes out unmasked.
    ApproveExport on export => [OrgAdmin, Organiser];
    /// Refuse what somebody else takes out unmasked.
    RefuseExport on export => [OrgAdmin, Organiser];
    /// See that a list was taken out.
    ViewExport on export => [OrgAdmin, Organiser];
    /// Call off the making of a file.
    CancelExport on export => [OrgAdmin, Organiser];
    /// Give a name to columns, for the activities of an organisation.
    SaveExportView on activity => [OrgAdmin, Organiser];
    /// See columns that were given a name.
    ViewExportView on export_view => [OrgAdmin, Organiser];
    /// Remove columns that were given a name.
    RemoveExportView on export_view => [OrgAdmin, Organiser];

    /// List what people were told of an activity, and what came of it.
    ListMessages on activity => [OrgAdmin, Organiser];
    /// See one message, and what came of it.
    ViewMessage on message => [OrgAdmin, Organiser];
    /// Send a message once more that failed.
    RetryMessage on message => [OrgAdmin, Organiser];
    /// See what people are told on an activity.
    ViewTemplates on activity => [OrgAdmin, Organiser];
    /// Say what people are told on an activity, and try how it reads.
    SetTemplate on activity => [OrgAdmin, Organiser];
    /// See what people are told on the activities of an organisation.
    ViewOrganisationTemplates on organisation => [OrgAdmin];
    /// Say what people are told on the activities of an organisation.
    SetOrganisationTemplate on organisation => [OrgAdmin];
    /// See what is said on an occasion.
    ViewTemplate on message_template => [OrgAdmin, Organiser];
    /// Say nothing of one's own any more on an occasion.
    RemoveTemplate on message_template => [OrgAdmin, Organiser];
    /// See the web-hooks of an organisation.
    ViewWebhooks on organisation => [OrgAdmin];
    /// See a web-hook and its events.
    ViewWebhook on webhook => [OrgAdmin];
    /// Let an address be told of what happens at an organisation.
    CreateWebhook on organisation => [OrgAdmin];
    /// Take a web-hook out of use.
    DisableWebhook on webhook => [OrgAdmin];

    /// Read the audit log.
    ViewAuditEvent on audit_event => [Auditor];
    /// Take the audit log of an organisation out.
    ExportAuditLog on organisation => [Auditor];

    /// See what this service does in the background.
    ViewJob on job => [PlatformAdmin];
    /// Let a job that was given up begin anew.
    RetryJob on job => [PlatformAdmin];
}
