//! The policy: a line per action, saying what it is, on which row, and for which roles.

use entity::role_grant::Role;

use super::Action;
use entity::{
    account, activity, category, export, organisation, person, position, programme, registration,
    role_grant, roster_batch, session,
};

/// `(near)` behind a row's kind: the action may also be done by those near the row, to whom it does not belong.
macro_rules! from_near {
    () => {
        false
    };
    (near) => {
        true
    };
}

macro_rules! policy {
    ($($(#[doc = $doc:literal])+ $action:ident on $row:ident $(($near:ident))? => [$($role:ident),+];)*) => {
        $(
            $(#[doc = $doc])+
            pub struct $action;

            impl Action for $action {
                type On = $row::Model;
                const NAME: &'static str = stringify!($action);
                const ROLES: &'static [Role] = &[$(Role::$role),+];
                const FROM_NEAR: bool = from_near!($($near)?);
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
    /// Make an organisation below this one.
    CreateOrganisation on organisation => [OrgAdmin];
    /// Change an organisation's name, kind or code.
    UpdateOrganisation on organisation => [OrgAdmin];

    /// See the people whose records are kept here, or who are on an activity here.
    ViewPerson on person (near) => [OrgAdmin, Organiser, Liaison, DoorStaff];
    /// List the people in one's scope.
    ListPeople on person (near) => [OrgAdmin, Organiser, Liaison];
    /// Find people by three or more characters, phones masked.
    FindPeople on person (near) => [OrgAdmin, Organiser, Liaison, DoorStaff];
    /// See a person's phone whole.
    ViewPhone on person (near) => [OrgAdmin, Organiser, Liaison];
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
    /// Give an account a new password, which ends its sign-ins.
    ResetPassword on account => [PlatformAdmin, OrgAdmin];
    /// Give a role over an organisation and everything below it.
    GrantOnOrganisation on organisation => [SecurityAdmin, OrgAdmin];
    /// Give a role over a programme.
    GrantOnProgramme on programme => [SecurityAdmin, OrgAdmin, Organiser];
    /// Give a role over an activity.
    GrantOnActivity on activity => [SecurityAdmin, OrgAdmin, Organiser];
    /// Take a grant back.
    RevokeGrant on role_grant => [SecurityAdmin, OrgAdmin, Organiser];

    /// See a programme.
    ViewProgramme on programme (near) => [SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];
    /// Make a programme owned by this organisation.
    CreateProgramme on organisation => [OrgAdmin];
    /// Make an activity in a programme, held by its owner.
    CreateActivity on programme => [OrgAdmin, Organiser];
    /// Make an activity held by this organisation, in a programme of one above it.
    HoldActivity on organisation => [OrgAdmin];

    /// See an activity, its sessions and its figures.
    ViewActivity on activity => [SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];
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
    ViewSession on session => [SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];
    /// See a category.
    ViewCategory on category => [SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];

    /// List who is registered for an activity.
    ListRegistrations on activity => [OrgAdmin, Organiser];
    /// Find who is registered for an activity by three or more characters.
    FindRegistrations on activity => [OrgAdmin, Organiser, DoorStaff];
    /// See a registration's code and the person's phone whole.
    ViewTicket on activity => [OrgAdmin, Organiser];
    /// See one registration.
    ViewRegistration on registration => [OrgAdmin, Organiser, DoorStaff];
    /// Register a person for an activity.
    RegisterAttendee on activity => [OrgAdmin, Organiser];
    /// Cancel a registration and free its seat.
    CancelRegistration on registration => [OrgAdmin, Organiser];
    /// Revoke a registration's ticket and make a new one.
    ReissueTicket on registration => [OrgAdmin, Organiser];
    /// Revoke a registration's ticket.
    RevokeTicket on registration => [OrgAdmin, Organiser];

    /// Read an uploaded list for an activity, and see what became of it.
    StageRoster on activity => [OrgAdmin, Organiser];
    /// See an uploaded list and its rows.
    ViewRoster on roster_batch => [OrgAdmin, Organiser];
    /// Register the people of an uploaded list.
    CommitRoster on roster_batch => [OrgAdmin, Organiser];
    /// Take back what an uploaded list alone brought.
    UndoRoster on roster_batch => [OrgAdmin, Organiser];

    /// Let people in at a session.
    CheckIn on session => [OrgAdmin, Organiser, DoorStaff];
    /// See the scans and the attendance of a session, person by person.
    ViewAttendance on session => [OrgAdmin, Organiser];

    /// Take the list of who registered and who came out of the building.
    CreateExport on activity => [OrgAdmin, Organiser];
    /// See that a list was taken out.
    ViewExport on export => [OrgAdmin, Organiser];
}
