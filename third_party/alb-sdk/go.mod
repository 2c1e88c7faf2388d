module github.com/vmware/alb-sdk

go 1.20
