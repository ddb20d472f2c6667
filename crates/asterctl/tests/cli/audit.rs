//! Who changed what, as it is shown.

use expect_test::expect;

use crate::setup::Setup;

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_with_who_made_them_and_what_came_of_them() {
    let setup = Setup::new(1).await;
    setup
        .run(
            "cluster init --name lab --cluster-id 000000000000000000000000000000aa --member 1=127.0.0.1:7400",
        )
        .await;
    setup.run("pool add p1 --wait committed").await;
    setup.run("pool remove p9 --wait committed").await;
    setup.check("audit", expect![[r#"
        exit 0
        stdout:
        SEQUENCE  AT                    USER   ROLE      FROM      OPERATION     SUBJECT  RESULT
        1         1970-01-01T00:00:01Z  alice  operator  10.0.0.9  init_cluster  test     applied, revision 0
        2         1970-01-01T00:00:02Z  alice  operator  10.0.0.9  init_cluster  lab      refused: the cluster is initialised already, as `test`
        3         1970-01-01T00:00:04Z  alice  operator  10.0.0.9  add_pool      p1       applied, revision 1
        4         1970-01-01T00:00:06Z  alice  operator  10.0.0.9  remove_pool   p9       refused: pool: there is no pool `p9`; pools: p1
    "#]]).await;
    let json = setup.run("audit --user alice --limit 1 -o json").await;
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["items"].as_array().unwrap().len(), 1, "{document}");
    assert_eq!(document["items"][0]["result"], "refused");
    let nobody = setup.run("audit --user nobody").await;
    assert_eq!(String::from_utf8(nobody.stdout).unwrap().lines().count(), 1, "a heading and nothing else");
}
