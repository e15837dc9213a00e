//! What a front-end shows buttons for: what the viewer may do with a row, by the policy and by what is granted to them now.
//!
//! It is the permit's own judgement. Where a row stands is found by rows that are fetched for all rows of a list at once.

use async_graphql::SimpleObject;
use entity::{activity, organisation, person, programme, registration, role_grant::Role, session};

use crate::{
    authz::{
        Place,
        policy::{
            AdjustCredits, AnswerForm, AnswerRegistration, CancelActivity, CancelRegistration,
            CheckIn, CloseActivity, CloseSession, CorrectAttendance, CreateAccount, CreateActivity,
            CreateDevice, CreateExport, CreateOrganisation, CreatePerson, CreatePosition,
            CreateProgramme, CreateSession, CreateWebhook, DecideRegistration, DivideClass,
            GrantOnActivity, GrantOnOrganisation, GrantOnProgramme, HoldActivity, InviteAttendee,
            IssueCertificates, ListParticipants, ListRegistrations, MoveRegistration, OfferSeat,
            PublishActivity, RecommendAttendee, RegisterAttendee, RegisterWalkIn, ReissueTicket,
            ReplaceAttendee, RequestLeave, ResubmitRegistration, ReviveRegistration, RevokeTicket,
            SetAllocation, SetCapacity, SetCreditRule, SetPriority, SetQuestions, SetTrainers,
            StageRoster, UpdateActivity, UpdateOrganisation, UpdatePerson, UpdateRegistration,
            UpdateSession, ViewAttendance, ViewFigures,
        },
    },
    error::Failure,
    graphql::Viewer,
};

/// A row of which it is asked for many at once where it stands.
trait Standing {
    async fn place(&self, viewer: &Viewer) -> Result<Place, Failure>;
}

macro_rules! can {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident of $table:ident {
            $($(#[doc = $about:literal])+ $field:ident: $action:ident,)+
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(SimpleObject)]
        pub struct $name {
            $($(#[doc = $about])+ $field: bool,)+
        }

        impl $name {
            /// What the viewer may do with this row.
            pub async fn of(viewer: &Viewer, row: &$table::Model) -> Result<Self, Failure> {
                let place = row.place(viewer).await?;
                Ok(Self { $($field: viewer.gate.may::<$action, $table::Model>(&place),)+ })
            }
        }
    )+};
}

can! {
    /// What the viewer may do with an organisation, by what is granted to them now. The rules of each act come on top.
    OrganisationCan of organisation {
        /// Change its name, kind or code.
        update: UpdateOrganisation,
        /// Make an organisation below it.
        create_organisation: CreateOrganisation,
        /// Keep the record of a new person.
        create_person: CreatePerson,
        /// Give a person a position in it.
        create_position: CreatePosition,
        /// Make an account that it looks after.
        create_account: CreateAccount,
        /// Give a role over it.
        grant_role: GrantOnOrganisation,
        /// Make a programme that it owns.
        create_programme: CreateProgramme,
        /// Hold an activity in a programme of one above it.
        hold_activity: HoldActivity,
        /// Recommend its people for activities.
        recommend: RecommendAttendee,
        /// See its figures of a year.
        view_figures: ViewFigures,
        /// See the people behind the figures.
        list_participants: ListParticipants,
        /// Let an address be told of what happens.
        create_webhook: CreateWebhook,
    }

    /// What the viewer may do with a programme, by what is granted to them now. The rules of each act come on top.
    ProgrammeCan of programme {
        /// Make an activity in it that its owner holds.
        create_activity: CreateActivity,
        /// Give a role over it.
        grant_role: GrantOnProgramme,
    }

    /// What the viewer may do with an activity, by what is granted to them now. The rules of each act come on top.
    ActivityCan of activity {
        /// Change what it says of itself.
        update: UpdateActivity,
        /// Open it to its audience.
        publish: PublishActivity,
        /// Close it when it is over.
        close: CloseActivity,
        /// Call it off.
        cancel: CancelActivity,
        /// Change the size of its seats.
        set_capacity: SetCapacity,
        /// Set seats aside for an organisation.
        set_allocation: SetAllocation,
        /// Add a session.
        create_session: CreateSession,
        /// Set the questions of its form.
        set_questions: SetQuestions,
        /// List who is registered.
        list_registrations: ListRegistrations,
        /// Register a person.
        register: RegisterAttendee,
        /// Ask a person to come.
        invite: InviteAttendee,
        /// Bring in a list.
        stage_roster: StageRoster,
        /// Take a list out.
        create_export: CreateExport,
        /// Let a device stand at its doors.
        create_device: CreateDevice,
        /// Divide a class into groups.
        divide_class: DivideClass,
        /// Say how credit hours are earned.
        set_credit_rule: SetCreditRule,
        /// Issue certificates.
        issue_certificates: IssueCertificates,
        /// Give a role over it.
        grant_role: GrantOnActivity,
    }

    /// What the viewer may do with a session, by what is granted to them now. The rules of each act come on top.
    SessionCan of session {
        /// Change its times, place or title.
        update: UpdateSession,
        /// Let people in.
        check_in: CheckIn,
        /// Register somebody at the door who is on no list.
        register_walk_in: RegisterWalkIn,
        /// See the scans and the attendance, person by person.
        view_attendance: ViewAttendance,
        /// Say how somebody attended, over what the scans say.
        correct_attendance: CorrectAttendance,
        /// Freeze who was expected.
        close: CloseSession,
        /// Say who teaches.
        set_trainers: SetTrainers,
    }

    /// What the viewer may do with a registration, by what is granted to them now. The rules of each act come on top.
    RegistrationCan of registration {
        /// Correct what was given for the activity.
        update: UpdateRegistration,
        /// Cancel it and free its seat.
        cancel: CancelRegistration,
        /// Say what was answered to an invitation or an offer.
        answer: AnswerRegistration,
        /// Put somebody else in its place.
        replace: ReplaceAttendee,
        /// Move it to another category or activity.
        move_elsewhere: MoveRegistration,
        /// Take it up again.
        revive: ReviveRegistration,
        /// Offer a seat out of order.
        offer_seat: OfferSeat,
        /// Change its place on the waiting list.
        set_priority: SetPriority,
        /// Have the say at a step of approval.
        decide: DecideRegistration,
        /// Send it up the chain of approval again.
        resubmit: ResubmitRegistration,
        /// Answer its form, or correct the answers.
        answer_form: AnswerForm,
        /// Ask for leave.
        request_leave: RequestLeave,
        /// Put credit hours down by hand.
        adjust_credits: AdjustCredits,
        /// Make its ticket anew.
        reissue_ticket: ReissueTicket,
        /// Revoke its ticket.
        revoke_ticket: RevokeTicket,
    }

    /// What the viewer may do with a person's record, by what is granted to them now. The rules of each act come on top.
    PersonCan of person {
        /// Correct it.
        update: UpdatePerson,
    }
}

fn at(row: organisation::Model) -> Place {
    Place { organisations: vec![row.path], ..Place::default() }
}

impl Standing for organisation::Model {
    async fn place(&self, _viewer: &Viewer) -> Result<Place, Failure> {
        Ok(at(self.clone()))
    }
}

impl Standing for person::Model {
    async fn place(&self, viewer: &Viewer) -> Result<Place, Failure> {
        Ok(at(viewer.row(self.home_id).await?))
    }
}

impl Standing for programme::Model {
    async fn place(&self, viewer: &Viewer) -> Result<Place, Failure> {
        Ok(Place { programmes: vec![self.id], ..at(viewer.row(self.owner_id).await?) })
    }
}

impl Standing for activity::Model {
    async fn place(&self, viewer: &Viewer) -> Result<Place, Failure> {
        Ok(Place {
            programmes: vec![self.programme_id],
            activities: vec![self.id],
            ..at(viewer.row(self.host_id).await?)
        })
    }
}

impl Standing for session::Model {
    async fn place(&self, viewer: &Viewer) -> Result<Place, Failure> {
        viewer.row(self.activity_id).await?.place(viewer).await
    }
}

impl Standing for registration::Model {
    async fn place(&self, viewer: &Viewer) -> Result<Place, Failure> {
        let mut place = viewer.row(self.activity_id).await?.place(viewer).await?;
        // As it stands for a permit: a liaison officer has to do with those whom the own organisation recommends.
        place.closed_to = &[Role::Liaison];
        for id in [self.recommender_id, self.waits_for_id].into_iter().flatten() {
            place.near.parties.push(viewer.row(id).await?.path);
        }
        Ok(place)
    }
}
