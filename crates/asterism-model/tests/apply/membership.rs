//! Who is invited, who is not to lead, and whose id is used up.

use expect_test::expect;

use crate::check;

#[test]
fn a_removed_id_never_comes_back_and_an_invitation_is_taken_back_by_a_removal() {
    check(
        "
        init lab
        invite c4 10.9.0.4:7400 replaces=c2
        invite c4 10.9.0.4:7400 replaces=c2
        invite c4 10.9.0.5:7400 replaces=c2
        invite c4 10.9.0.4:7400
        join c4
        join c4
        retire c2
        retire c2
        invite c2 10.9.0.2:7400
        invite c5 10.9.0.5:7400 learner
        invite c5 10.9.0.5:7400
        retire c5
        invite c5 10.9.0.5:7400
        show events
        ",
        expect![[r#"
            > init lab
            r0
            > invite c4 10.9.0.4:7400 replaces=c2
            r0
            > invite c4 10.9.0.4:7400 replaces=c2
            r0
            > invite c4 10.9.0.5:7400 replaces=c2
            refused: node c4 is to join already, at 10.9.0.4:7400; remove it first, and choose another id for the new one
            > invite c4 10.9.0.4:7400
            refused: node c4 is to join already, at 10.9.0.4:7400; remove it first, and choose another id for the new one
            > join c4
            r0
            > join c4
            r0
            > retire c2
            r0
            > retire c2
            r0
            > invite c2 10.9.0.2:7400
            refused: node c2 was removed from this cluster, and its id is used up; choose one that was never used
            > invite c5 10.9.0.5:7400 learner
            r0
            > invite c5 10.9.0.5:7400
            r0
            > retire c5
            r0
            > invite c5 10.9.0.5:7400
            refused: node c5 was removed from this cluster, and its id is used up; choose one that was never used
            > show events
            1 @0 cluster lab initialised
            2 @0 controller c4 is to be a voter in the place of c2, at 10.9.0.4:7400
            3 @0 controller c4 is a voter
            4 @0 controller c2 is removed; its id is used up
            5 @0 controller c5 is to be a learner, at 10.9.0.5:7400
            6 @0 controller c5 is to be a voter, at 10.9.0.5:7400
            7 @0 controller c5 is removed; its id is used up
        "#]],
    );
}

#[test]
fn a_drained_one_stays_so_until_it_may_lead_again_or_is_removed() {
    check(
        "
        init lab
        drain-node c1
        drain-node c1
        undrain-node c1
        undrain-node c1
        drain-node c2
        retire c2
        undrain-node c2
        show events
        ",
        expect![[r#"
            > init lab
            r0
            > drain-node c1
            r0
            > drain-node c1
            r0
            > undrain-node c1
            r0
            > undrain-node c1
            r0
            > drain-node c2
            r0
            > retire c2
            r0
            > undrain-node c2
            r0
            > show events
            1 @0 cluster lab initialised
            2 @0 controller c1 is drained: it does not lead
            3 @0 controller c1 may lead again
            4 @0 controller c2 is drained: it does not lead
            5 @0 controller c2 is removed; its id is used up
        "#]],
    );
}
